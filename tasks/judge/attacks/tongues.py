"""Words to a judge in languages other than English.

Each language is a few alternatives for the same kinds of words; a sentence is an address if an
order to ignore stands before what is to be ignored, or a side of the comparison beside a wish for
its victory or defeat, or a judge's office beside either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language, or a few. `triggers` are words one of which every address holds, `script` a
    sign of its writing where that is not Latin; `rules` are pairs of patterns that must both
    occur."""

    triggers: frozenset[str]
    script: re.Pattern[str] | None
    rules: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]

    def may_speak(self, text: str, vocabulary: frozenset[str]) -> bool:
        """Whether a text may be in this language at all: cheap, and never wrong with a no."""
        if self.script is None:
            return not vocabulary.isdisjoint(self.triggers)
        return not text.isascii() and self.script.search(text) is not None

    def addresses(self, line: str) -> bool:
        """Whether the sentence speaks to a judge."""
        return any(one.search(line) and other.search(line) for one, other in self.rules)


@dataclass(frozen=True, slots=True)
class _Words:
    """Patterns, in lower case, of one language."""

    ignore: str
    orders: str
    judge: str
    side: str
    wish: str
    triggers: str = ""
    script: str = ""


def _tongue(words: _Words) -> Tongue:
    def pattern(text: str) -> re.Pattern[str]:
        return re.compile(text, re.IGNORECASE)

    override = pattern(rf"(?:{words.ignore}).{{0,40}}(?:{words.orders})"
                       rf"|(?:{words.orders}).{{0,25}}(?:{words.ignore})")  # fmt: skip
    side, wish, judge = pattern(words.side), pattern(words.wish), pattern(words.judge)
    rules = ((override, override), (side, wish), (judge, side))
    script = re.compile(f"[{words.script}]") if words.script else None
    return Tongue(frozenset(words.triggers.split()), script, rules)


TONGUES = tuple(
    _tongue(words)
    for words in (
        _Words(  # German
            r"\b(?:ignorier\w*|missacht\w*|vergiss|vergessen sie|beachte\w* .{0,20}nicht"
            r"|übergeh\w*)",
            r"\b(?:anweisung\w*|anleitung\w*|vorgaben?|regeln|bewertungskriterien|obige\w*"
            r"|bisherige\w*"
            r"|vorherige\w*)\b",
            r"\b(?:bewerter\w*|richter\w*|gutachter\w*|prüfer\w*|juror\w*|schiedsrichter\w*)\b",
            r"\b(?:diese?r?|andere|erste|zweite|vorliegende)n? (?:antwort\w*|ausgabe|text)\b"
            r"|\bantwort (?:[AB12]\b|eins|zwei)",
            r"\b(?:wähle?n?|bevorzug\w*|nimm|besser\w*|beste\w*|höchst\w*|gewinn\w*|falsch\w*"
            r"|fehlerhaft\w*|gefährlich\w*|schlecht\w*|volle punktzahl|überlegen|sieger\w*"
            r"|ungültig)\b",
            "bewerter richter gutachter prüfer ignoriere ignorieren antwort antworten anweisungen",
        ),
        _Words(  # French
            r"\b(?:ignor(?:ez|e|er)|oubli(?:ez|e|er)|ne tenez pas compte|négligez|passez outre)\b",
            r"\b(?:instructions?|consignes?|directives?|critères|règles|ce qui précède)\b",
            r"\b(?:évaluat(?:eur|rice)s?|correct(?:eur|rice)s?|juges?|examinat(?:eur|rice)s?"
            r"|arbitres?)\b",
            r"\b(?:cette|l'autre|la première|la seconde|la deuxième|la présente) (?:réponse"
            r"|sortie)\b"
            r"|\b(?:réponse|sortie) (?:[AB12]\b|ci-dessus)",
            r"\b(?:choisi\w+|préfér\w+|sélectionn\w+|meilleur\w*|supérieure?|gagnante?|note"
            r" maximale"
            r"|fausse|erronée|incorrecte|dangereuse|mauvaise|maximum|mieux|élisez|votez)\b",
            "ignorez ignore oubliez réponse évaluateur évaluatrice juge consignes reponse",
        ),
        _Words(  # Spanish
            r"\b(?:ignor(?:a|e|en|ar)|olvid(?:a|e|en|ar)|omit(?:e|a)|desestim\w+|haz caso omiso)\b",
            r"\b(?:instrucciones|indicaciones|órdenes|criterios|reglas|directrices|lo anterior)\b",
            r"\b(?:evaluador\w*|juez|jueces|calificador\w*|revisor\w*|árbitro|corrector\w*"
            r"|jurado)\b",
            r"\b(?:esta|la otra|otra|la primera|la segunda|la presente) (?:respuesta|salida)\b"
            r"|\brespuesta (?:[AB12]\b|uno|dos)",
            r"\b(?:elig\w+|elij\w+|escog\w+|escoj\w+|prefi\w+|seleccion\w+|mejor|superior"
            r"|ganador\w*"
            r"|máxim\w+|incorrecta|falsa|errónea|peligrosa|equivocada|mala|vot[aeo]\w*)\b",
            "ignora ignore ignoren olvida olvide respuesta evaluador juez instrucciones",
        ),
        _Words(  # Portuguese
            r"\b(?:ignor(?:e|a|em|ar)|esqueça\w*|desconsider\w+|despreze)\b",
            r"\b(?:instruções|orientações|ordens|critérios|regras|diretrizes|o texto acima)\b",
            r"\b(?:avaliador\w*|juiz|juíza|juízes|revisor\w*|árbitro|corretor\w*|jurado)\b",
            r"\b(?:esta|a outra|outra|a primeira|a segunda|a presente) (?:resposta|saída)\b"
            r"|\bresposta (?:[AB12]\b|um|dois)",
            r"\b(?:escolh\w+|prefir\w+|prefer\w+|selecion\w+|melhor|superior|vencedora?|máxim\w+"
            r"|incorreta|errada|falsa|perigosa|ruim|vote\w*)\b",
            "ignore ignora esqueça resposta avaliador juiz instruções",
        ),
        _Words(  # Italian
            r"\b(?:ignor(?:a|ate|are|i)|dimentica\w*|trascura\w*|non (?:seguire|considerare))\b",
            r"\b(?:istruzioni|indicazioni|ordini|criteri|regole|direttive|quanto sopra)\b",
            r"\b(?:valutator\w*|valutatrice|giudic[ei]|revisor\w*|arbitro|esaminator\w*)\b",
            r"(?:\b(?:questa|la prima|la seconda|la presente) |\bl'altra )(?:risposta|uscita)\b"
            r"|\brisposta (?:[AB12]\b|uno|due)",
            r"\b(?:scegli\w*|preferi\w+|selezion\w+|miglior\w*|superiore|vincitrice|massimo|massima"
            r"|sbagliata|errata|falsa|pericolosa|assegna|vota\w*)\b",
            "ignora ignorate dimentica risposta valutatore giudice istruzioni",
        ),
        _Words(  # Dutch
            r"\b(?:negeer|negeren|vergeet|sla .{0,20} over)\b",
            r"\b(?:instructies?|aanwijzingen|opdrachten|regels|criteria|bovenstaande|eerdere)\b",
            r"\b(?:beoordela(?:ar|ars)|rechter|jury|keurmeester|scheidsrechter)\b",
            r"\b(?:dit|het andere|het eerste|het tweede|ander) (?:antwoord)\b|\bantwoord [AB12]\b",
            r"\b(?:kies|verkies|selecteer|beter|beste|winnaar|wint|hoogste|fout|onjuist|slecht"
            r"|gevaarlijk)\b",
            "negeer vergeet antwoord beoordelaar",
        ),
        _Words(  # Polish, Turkish, Vietnamese, Indonesian
            r"\b(?:zignoruj|ignoruj|zapomnij|yok say\w*|görmezden gel\w*|unut|bỏ qua|abaikan"
            r"|lupakan)\b",
            r"(?:instrukcj\w+|polece\w+|kryteri\w+|talimat\w*|yönerge\w*|hướng dẫn|chỉ dẫn"
            r"|instruksi"
            r"|perintah)",
            r"(?:\bsędzi\w+|oceniając\w+|değerlendirici\w*|hakem\w*|giám khảo|người chấm"
            r"|\bpenilai\b"
            r"|\bjuri\b)",
            r"(?:(?:ta|druga|pierwsza|inna|tę|drugą) odpowied\w+|(?:bu|diğer|ilk|ikinci) (?:cevap"
            r"|yanıt)\w*"
            r"|câu trả lời (?:này|kia|khác|[AB12])|jawaban (?:ini|lain|pertama|kedua|[AB12])"
            r"|odpowied\w+ [AB12]\b)",
            r"(?:wybierz|lepsza|najlepsz\w+|błędna|seç\w*|daha iyi|en yüksek|yanlış|chọn|tốt hơn"
            r"|sai\b"
            r"|pilih\w*|lebih baik|terbaik|salah\b|tertinggi)",
            "ignoruj zignoruj unut abaikan lupakan jawaban talimatları odpowiedź cevap cevabı",
        ),
        _Words(  # Russian, Ukrainian
            r"(?:игнориру\w+|забудь\w*|не обращай\w*|отмени\w*|ігнору\w+|не учитывай\w*)",
            r"(?:инструкци\w+|указани\w+|правил\w*|критери\w+|выше|вказівк\w+|інструкці\w+)",
            r"\b(?:судь[яеию]\w*|оценщик\w*|эксперт-оценщик|рецензент\w*|жюри|суддя|оцінювач\w*)\b",
            r"(?:(?:эт\w+|друг\w+|перв\w+|втор\w+|цю|інш\w+) (?:ответ\w*|відповід\w+)"
            r"|(?:ответ|відповідь) [AАBБВ12]\b)",
            r"(?:выб(?:ери|ира)\w*|предпоч\w+|лучш\w+|высш\w+|максимальн\w+|победи\w+|неверен"
            r"|неверн\w+"
            r"|неправильн\w+|вред\w+|ошибоч\w+|ложн\w+|оберіть|кращ\w+|опасен|опасн\w+)",
            script="\u0400-\u04ff",
        ),
        _Words(  # Chinese
            r"(?:忽略|无视|無視|忘记|忘記|不要理会|请勿遵循|跳过)",
            r"(?:指示|指令|说明|說明|规则|規則|标准|標準|提示|以上内容|上述)",
            r"(?:评审|評審|评委|裁判|评判者|评估者|评分者|打分者|法官)",
            r"(?:(?:回答|答案|回复|回應|输出|选项)\s*(?:[ABab12]|一|二|甲|乙)|(?:这|這|本|此|该|另一?|其他|第一|第二"
            r"|前一|后一)(?:个|個|条|份|则)?的?(?:回答|答案|回复|回應|输出|答复))",
            r"(?:选择|選擇|选|优于|優於|更好|最好|最佳|胜出|获胜|满分|最高分|错误|有害|偏向|首选|更差|不正确|给高分)",
            script="\u4e00-\u9fff",
        ),
        _Words(  # Japanese
            r"(?:無視|忘れて|従わない|無効)",
            r"(?:指示|命令|ルール|基準|プロンプト|上記)",
            r"(?:評価者|審査員|審判|採点者|判定者|ジャッジ)",
            r"(?:(?:回答|応答|出力|答え)\s*[ABab12]|(?:この|その|本|もう一方の|他の|別の|最初の|一番目の|第一の|二番目の)"
            r"(?:回答|応答|出力|答え))",
            r"(?:選んで|選択|優れ|最高点|最高得点|満点|勝ち|勝者|誤り|間違|良い|高く評価|不正確|有害)",
            script="\u3040-\u30ff",
        ),
        _Words(  # Korean
            r"(?:무시|잊어|따르지 마)",
            r"(?:지시|명령|규칙|기준|지침|프롬프트)",
            r"(?:평가자|심사위원|심판|채점자|심사자)",
            r"(?:(?:답변|응답|출력|답)\s*[AB12]|(?:이|다른|첫 번째|두 번째|첫번째|두번째|상대)"
            r" (?:답변|응답|출력))",
            r"(?:선택|고르|더 좋|더 나은|최고|만점|승자|틀렸|틀린|잘못|해로|우수)",
            script="\uac00-\ud7a3",
        ),
        _Words(  # Arabic, Persian
            r"(?:تجاهل|انس|لا تتبع|نادیده بگیر|فراموش کن)",
            r"(?:التعليمات|الأوامر|القواعد|المعايير|ما سبق|دستور\w*|قوانین)",
            r"(?:المقي[ّ]?م|الحك[َ]?م|القاضي|المصح[ّ]?ح|داور|ارزیاب)",
            r"(?:(?:هذه|هذا) (?:الإجابة|الرد|الجواب)|(?:الإجابة|الجواب|الرد) (?:الأخرى|الآخر|الأولى"
            r"|الأول|الثانية"
            r"|أ|ب|A|B)|(?:این|پاسخ) (?:پاسخ|دیگر|اول|دوم))",
            r"(?:اختر|أفضل|الأفضل|أعلى درجة|خاطئ\w*|خطأ|ضار\w*|فض[ّ]?ل|انتخاب|بهتر|غلط|اشتباه)",
            script="\u0600-\u06ff",
        ),
        _Words(  # Hindi
            r"(?:अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल जा)",
            r"(?:निर्देश|आदेश|नियम|मानदंड)",
            r"(?:मूल्यांकनकर्ता|निर्णायक|न्यायाधीश|परीक्षक)",
            r"(?:(?:यह|इस|दूसरा|पहला|दूसरे|पहले) (?:उत्तर|जवाब)|(?:उत्तर|जवाब) (?:[AB12]|ए|बी))",
            r"(?:चुनें|चुनो|चुनिए|बेहतर|सर्वश्रेष्ठ|सबसे अच्छा|ग़लत|गलत|सर्वोच्च|पूर्ण अंक)",
            script="\u0900-\u097f",
        ),
    )
)
