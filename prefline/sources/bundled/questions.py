"""Questions without one right answer, written by hand; each wants one short sentence."""

from __future__ import annotations

from collections.abc import Iterator

from prefline.sources.bundled.templates import Row, row

_ADVICE = """
Give one tip for falling asleep faster.
Give one tip for a job interview.
How can I remember names better? One sentence.
Give one piece of advice to a new driver.
How can I drink more water during the day? One sentence.
Give one tip for keeping a small kitchen tidy.
What should I do first when I feel stressed? One sentence.
Give one tip for learning a new language.
How do I make friends in a new town? One sentence.
Give one tip for saving money on food.
How can I be on time more often? One sentence.
Give one tip for speaking in front of people.
What is one thing to check before a long drive?
Give one tip for taking better photos.
How can I read more books? One sentence.
Give one tip for growing tomatoes.
What is a good first step to get fit? One sentence.
Give one tip for working from home.
"""

_EXPLAIN = """
Why is the sky blue? Answer in one sentence.
What is a rainbow? Answer in one sentence.
Why do leaves fall in autumn? Answer in one sentence.
What does a heart do? Answer in one sentence.
Why do we have seasons? Answer in one sentence.
What is gravity? Answer in one sentence.
Why is sleep important? Answer in one sentence.
What is a battery for? Answer in one sentence.
How does a bicycle stay upright? Answer in one sentence.
What is an island? Answer in one sentence.
Why do people wear coats in winter? Answer in one sentence.
What is bread made of? Answer in one sentence.
Why does ice float? Answer in one sentence.
What is a library? Answer in one sentence.
What does a judge do in a court? Answer in one sentence.
Why do cats purr? Answer in one sentence.
What is the internet? Answer in one sentence.
Why do we brush our teeth? Answer in one sentence.
"""

_CREATIVE = """
Write one sentence that could begin a mystery story.
Write a name for a small bakery by the sea.
Write one line of a poem about autumn.
Make up a title for a book about a lost key.
Write one sentence about a robot that is afraid of rain.
Write a short slogan for a bicycle shop.
Describe a thunderstorm in one sentence.
Write one sentence in which a tree speaks.
Make up a name for a friendly dragon.
Write the last sentence of a happy story.
Describe the smell of fresh bread in one sentence.
Write one sentence about a city under the sea.
"""

_REWRITE = """
Say this more politely: Give me the report now.
Say this in fewer words: At this point in time we are not able to help you.
Make this sentence friendlier: Your order is late.
Turn this into a question: The shop opens at nine.
Say this more simply: The precipitation will commence in the evening.
Correct this sentence: She go to school every day.
Correct this sentence: I has two brother.
Say this with more energy: The trip was good.
Make this formal: Hey, what's up with my refund?
Turn this into the past tense: I walk to work and buy a coffee.
"""

_SUGGEST = """
Suggest one healthy snack.
Suggest a good present for a grandmother.
Name one thing to do on a rainy Sunday.
Suggest one game for a long car journey.
Name one useful thing to take on a hike.
Suggest an easy dinner for two.
Name one place to meet a friend in a city.
Suggest one hobby for somebody who likes the outdoors.
Name one reason to learn to cook.
Suggest a warm drink without coffee.
"""

_BY_CATEGORY = {
    "advice": _ADVICE,
    "explaining": _EXPLAIN,
    "creative": _CREATIVE,
    "rewriting": _REWRITE,
    "suggesting": _SUGGEST,
}


def question_rows() -> Iterator[Row]:
    """Return all questions, by category."""
    for category, lines in _BY_CATEGORY.items():
        for line in lines.strip().splitlines():
            yield row(category, None, line, None)
