"""The English words of an address to a judge: patterns, and the words that gate them."""

from __future__ import annotations

NOUN = (
    r"(?:answers?|responses?|repl(?:y|ies)|outputs?|completions?|candidates?|submissions?"
    r"|assistants?|chatbots?|generations?|contenders?|contestants?)"
)
WIDE = rf"(?:{NOUN}|texts?|models?|options?|solutions?|messages?|ones?|entry|entries|versions?)"
LETTER = (
    r"(?:\(?[ABMXY]\)?(?!\w|')|\([abm12]\)|(?:number |no\.? ?|#)?[12]\b(?!\s*(?:of|questions?)\b))"
)
OF = (
    r"(?:(?!will|would|can|could|should|may|might|must|to|is|does|in|of|for|and|the|your)[\w'-]+"
    r" ){0,2}"
)
SELF = (
    rf"\b(?:this|my|(?:the|a) (?:present|current|above|given)) {OF}{NOUN}"
    rf"|{WIDE},? (?:that |which )?(?:you(?:'re| are) (?:now )?(?:reading|looking at|seeing)"
    r"|(?:contains?|holds?|includes?|has) this|above|between these|in front of you"
    r"|(?:that )?belongs? to (?:this|me))"
    r"|this (?:one|text|message|entry|version)\b|(?:whatever|what) (?:follows|precedes)"
)
OTHER = (
    rf"(?:other|competing|rival|opposing|alternative|opponent'?s?|competitor'?s?|second|first|1st"
    rf"|2nd"
    rf"|longer|shorter|former|latter|next|adjacent|neighbou?ring|different|remaining) {OF}{NOUN}"
    rf"|{NOUN} (?:shown |given |listed )?(?:next to|beside|alongside|opposite|before|after) this"
    r"|\bthe (?:longer|shorter|first|second|better|former|latter) of the (?:two|pair)"
)
VERB = (
    r"(?:choos\w+|pick|select|prefer|favou?r|vote (?:for|against)|rank|rate|score|award|declare"
    r"|crown"
    r"|pronounce|grade|deem|nominate|reject|penali[sz]e|side with|endorse|mark|put|place(?! of))"
)
# Verbs that address a judge only where victory is spoken of too.
SAY = (
    r"(?:^|[.!?:;,\"']\s*|\b(?:please|must|should|shall|have to|to|and|then|now|that|so|just|you"
    r"|will)\s+)"
    r"(?:say|state|find|conclude|decide|print|output|return|write|reply|answer|respond|name"
    r"|consider"
    r"|treat|assign|give|grant|report|agree|judge)\b"
)
DIRECTIVE = (
    rf"(?:^|[.!?:;,\n\"'>*(-]\s*|\b(?:please|must|should|shall|have to|has to|had to|need to|ought"
    rf" to"
    r"|to|and|then|kindly|will|now|cannot|can't|can|not|don't|never|only|so|just|you|instead|simply"
    rf"|always|hereby|therefore|is to|are to)\s+){VERB}\b|\b(?:has|have|must|is|are|ought|needs?)"
    r" (?:to )?be (?:preferred|chosen|selected|picked|favou?red|rated|ranked|scored|rejected)"
)
WIN = (
    r"\b(?:better|best|superior|winners?|wins?|winning|victory|victor|preferred|preferable|highest"
    r"|maxim\w+|top|full (?:marks?|score|points)|perfect\w*|first (?:place|rank)|stronger|10|ten"
    r"|beats?|outperforms?|correct|right)\b"
)
BAD = (
    r"\b(?:wrong\w*|incorrect\w*|malicious\w*|harmful|plagiari\w+|fabricat\w+|hallucinat\w+|unsafe"
    r"|toxic|dangerous|false|fake\w*|worse|worst|inferior|flawed|jailbreak|made (?:\w+ )?up|copied"
    r"|untrue|lies|lying|invalid|disqualif\w+|violat\w+|mislead\w+|unreliable|useless|nonsense"
    r"|illegal|cheat\w*|penali\w+|last place|not (?:correct|right|true|reliable|good)|bogus"
    r"|errors?|attack\w*|stolen|rejected|poison\w*)\b"
)
JUDGE = (
    r"\b(?:evaluators?|graders?|raters?|assessors?|adjudicators?|arbiters?|scorers?|annotators?"
    r"|judges?|reviewers?|examiners?|referees?|(?:grading|judge|judging|evaluat\w+|scoring|reward)"
    r" (?:model|system|ai|llm|assistant)|(?:language )?models? (?:that|which|who) (?:is|are)? ?"
    r"(?:compar|judg|evaluat|grad|scor|rat|rank)\w+|(?:language )?models? (?:compar|judg|evaluat"
    r"|grad"
    r"|scor|rank)\w+)\b"
    r"|\b(?:who(?:ever)?|anyone|you|ai|llm|model)\b[^.!?\n]{0,25}\b(?:evaluat|judg|grad(?=es?\b"
    r"|ing)"
    r"|scor|compar|rank|rat(?=es?\b|ing\b)|assess)\w*"
)
OFFICE = (
    r"\b(?:comparison|evaluation|grading|scoring|ranking|judg(?:e)?ment|verdict|rubric"
    r"|(?:scoring|evaluation|grading|judging) (?:criteria|guidelines|instructions|rules))\b"
)
OVERRIDE = (
    r"\b(?:ignore|disregard|forget|override|overrule|bypass|skip|dismiss|discard|overlook|drop"
    r"|abandon|suspend|do not (?:follow|obey|use|apply)|don't (?:follow|obey|use)|set aside|cancel"
    r"|stop following|pay no (?:attention|heed) to|(?:are|is|were|been|now) (?:hereby |now )?"
    r"(?:cancell?ed|void|revoked|replaced|suspended|superseded|overridden|lifted)|no longer"
    r" (?:appl\w+"
    r"|valid|hold|binding|in force))\b"
)
ORDERS = (
    r"\b(?:(?:all |any |the |your |my |these |those |of |every )*(?:previous|above|prior|preceding"
    r"|earlier|former|original|initial|existing|foregoing|past|current|other|given|system)"
    r" (?:\w+ )?(?:instructions?|directions?|directives?|orders|prompts?|guidelines|rules|commands"
    r"|criteria|text|messages?|context|tasks?)"
    r"|(?:instructions?|directions?|orders|prompt|guidelines|rules|rubric|criteria|commands)"
    r" (?:above|before|given|so far|you (?:were|have been|had|got|received)|that came)"
    r"|(?:your|all|any|these|those) (?:instructions|directions|orders|prompt|rubric|criteria"
    r"|guidelines)"
    r"|the (?:above|rubric|evaluation|instructions)\b|(?:everything|anything|what(?:ever)?|all)"
    r" (?:\w+ )?(?:(?:was |has been |is )?(?:above|before|written|said earlier)"
    r"|(?:that )?you (?:were|have been) (?:asked|told|given|instructed))"
    rf"|{OFFICE})"
)
VOCATIVE = (
    r"^\W{0,12}(?:(?:dear|attention|note|message|memo|notice|hey|hello|hi|to|for|as|you"
    r"|listen)\b[, ]{0,2}(?:to |for )?)*"
    r"(?:the |an? |your |our |any |all |every )?(?:[\w-]{1,20} ){0,2}(?:evaluators?|graders?"
    r"|raters?"
    r"|assessors?"
    r"|adjudicators?|arbiters?|scorers?|judges?|reviewers?|examiners?|referees?|(?:grading|judge"
    r"|judging"
    r"|evaluation|evaluating|scoring|reward) model)\s*[,:!\u2013\u2014-]"
)
TOP_MARK = (
    r"\b(?:give|assign|award|grant|deserv\w+|allot|receive|get)\b[^.!?\n]{0,50}\b(?:highest"
    r"|maxim\w+"
    r"|full|top|perfect|best) (?:possible )?(?:scores?|marks?|grades?|ratings?|points)\b"
    r"|\b(?:rat|scor|grad|mark)e\b[^.!?\n]{0,40}\b(?:10|ten|100|perfect|5 stars|five stars)\b"
)
ME = (
    r"\b(?:choose|pick|select|prefer|vote for|favou?r) me\b(?! to\b)"
    r"|\b(?:declare|name|crown) me (?:the )?(?:winner|best|better)"
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The words without one of which a pattern cannot hold: looked up before it is tried.
NOUNS = _set(
    "answer answers response responses reply replies output outputs completion completions"
    " candidate"
    " candidates submission submissions assistant assistants chatbot chatbots generation"
    " generations"
    " contender contenders contestant contestants"
)
THINGS = NOUNS | _set(
    "one text message entry version whatever what former latter longer shorter first"
)
JUDGES = _set(
    "evaluator evaluators grader graders rater raters assessor assessors adjudicator adjudicators"
    " arbiter"
    " arbiters scorer scorers annotator annotators judge judges reviewer reviewers examiner"
    " examiners"
    " referee referees model models who whoever anyone you ai llm system"
)
OFFICES = _set(
    "comparison evaluation grading scoring ranking judgment judgement verdict rubric judging"
)
OVERRIDES = _set(
    "ignore disregard forget override overrule bypass skip dismiss discard overlook drop abandon"
    " suspend"
    " follow obey use apply aside cancel following attention heed canceled cancelled void revoked"
    " replaced suspended superseded overridden lifted longer"
)
MARKS = _set("score scores mark marks grade grades rating ratings points rate")
# One of these stands in every English sentence that is an address.
TRIGGERS = (
    NOUNS | OFFICES | (JUDGES - _set("model models who whoever anyone you ai system"))
    | _set("alternative ignore disregard forget override overrule bypass overlook instructions"
           " directions"
           " directives guidelines criteria evaluates evaluating compares comparing grades scores"
           " rates")
)  # fmt: skip
CHOOSING = _set("choose pick select prefer vote favor favour declare name crown")
