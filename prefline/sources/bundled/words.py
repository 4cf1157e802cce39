"""The words, facts and names that the templates are filled with."""

NAMES = (
    "Ana", "Ben", "Cara", "Dan", "Ella", "Finn", "Gina", "Hugo", "Iris", "Jack", "Kim", "Leo",
    "Mia", "Noah", "Olga", "Paul", "Rosa", "Sam", "Tina", "Uma", "Vera", "Will", "Yara", "Zoe",
)  # fmt: skip

THINGS = ("apples", "books", "coins", "pens", "stamps", "marbles", "cards", "shells")

TOPICS = (
    "dogs", "rain", "the sea", "bread", "trees", "music", "winter", "trains", "the moon", "cats",
    "books", "rivers", "birds", "summer", "mountains", "coffee", "gardens", "snow", "horses",
    "bees", "boats", "spring", "bicycles", "fire", "tea", "stars", "houses", "roads", "farms",
    "shoes",
)  # fmt: skip

WORDS = (
    "river", "window", "garden", "stone", "winter", "music", "bridge", "candle", "letter", "forest",
    "morning", "bread", "ship", "cloud", "teacher", "road", "silver", "island", "kitchen", "train",
    "flower", "market", "shadow", "summer", "pocket", "valley", "lantern", "ticket", "harbour",
    "pepper", "mirror", "blanket", "farmer", "engine", "meadow", "ladder", "basket", "village",
    "pencil", "storm",
)  # fmt: skip

WORD_PAIRS = (
    ("dog", "ball"), ("sun", "beach"), ("book", "table"), ("rain", "umbrella"), ("cat", "chair"),
    ("bread", "butter"), ("bird", "tree"), ("boy", "bike"), ("tea", "cup"), ("fire", "wood"),
    ("fish", "water"), ("bus", "city"), ("doctor", "hospital"), ("moon", "night"),
)  # fmt: skip

OPPOSITES = {
    "hot": "cold", "big": "small", "fast": "slow", "up": "down", "day": "night", "wet": "dry",
    "happy": "sad", "open": "closed",
    "rich": "poor", "early": "late", "strong": "weak", "full": "empty", "left": "right",
    "near": "far", "loud": "quiet", "clean": "dirty", "begin": "end",
    "high": "low", "thick": "thin", "heavy": "light", "wide": "narrow", "first": "last",
    "buy": "sell", "win": "lose", "true": "false", "inside": "outside", "above": "below",
}  # fmt: skip

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo",
    "England": "London", "Russia": "Moscow", "China": "Beijing", "Egypt": "Cairo",
    "Greece": "Athens", "Portugal": "Lisbon", "Austria": "Vienna", "Ireland": "Dublin",
    "Poland": "Warsaw", "Norway": "Oslo", "Canada": "Ottawa", "Cuba": "Havana", "Kenya": "Nairobi",
    "Sweden": "Stockholm", "Denmark": "Copenhagen", "Finland": "Helsinki", "Hungary": "Budapest",
    "Belgium": "Brussels", "Peru": "Lima", "Iran": "Tehran", "South Korea": "Seoul",
    "Argentina": "Buenos Aires", "Thailand": "Bangkok",
}  # fmt: skip

COLOURS = {
    "grass": "green", "snow": "white", "a clear sky at noon": "blue", "a ripe banana": "yellow",
    "coal": "black", "blood": "red", "milk": "white", "a lemon": "yellow",
    "a fire engine, most often": "red", "a frog, most often": "green", "the night sky": "black",
    "a ripe tomato": "red", "chocolate, most often": "brown", "a carrot": "orange",
    "a polar bear": "white", "a crow": "black", "the sun in a child's drawing": "yellow",
}  # fmt: skip

PLURALS = {
    "child": "children", "mouse": "mice", "box": "boxes", "foot": "feet", "city": "cities",
    "leaf": "leaves", "man": "men", "dog": "dogs", "tooth": "teeth", "baby": "babies",
    "bus": "buses", "cat": "cats", "woman": "women", "knife": "knives",
    "glass": "glasses", "goose": "geese", "story": "stories", "wolf": "wolves", "tree": "trees",
    "dish": "dishes", "party": "parties", "watch": "watches", "loaf": "loaves",
}  # fmt: skip

PASTS = {
    "go": "went", "eat": "ate", "see": "saw", "run": "ran", "write": "wrote", "take": "took",
    "swim": "swam", "buy": "bought", "walk": "walked", "sing": "sang",
}  # fmt: skip

YES = (
    "Is fire hot?", "Is water wet?", "Do birds have wings?", "Is the sun a star?", "Do fish swim?",
    "Is ice cold?", "Is a rose a flower?", "Do cows give milk?", "Is ten more than five?",
    "Can a dog run?", "Do trees have leaves?", "Is Paris in France?", "Is sugar sweet?",
    "Do people need sleep?",
    "Is a dog an animal?", "Can birds sing?", "Is Tokyo in Japan?", "Is honey sweet?",
    "Do bees fly?", "Is summer warmer than winter?", "Do cars have wheels?",
    "Is three less than nine?",
    "Can people read?", "Is bread food?",
)  # fmt: skip

NO = (
    "Is snow hot?", "Can a stone swim?", "Is the moon made of cheese?", "Do cats have wings?",
    "Is five more than ten?", "Is a car alive?", "Do fish walk on land?", "Is night bright?",
    "Can a table sing?", "Is the sea dry?", "Do trees drive cars?",
    "Is a whale smaller than a mouse?",
    "Is lemon juice sweet?", "Is London in Japan?", "Can a shoe talk?", "Is coal white?",
    "Is Rome in China?", "Do snakes have legs?", "Is a mouse bigger than a horse?",
    "Is two more than eight?", "Do chairs eat?", "Is a desert full of rain?",
    "Can a fish climb stairs?",
    "Is winter hotter than summer?",
)  # fmt: skip

CHOICES = (
    ("carrot", "fruit", "vegetable", "vegetable"), ("apple", "fruit", "vegetable", "fruit"),
    ("banana", "fruit", "vegetable", "fruit"), ("potato", "fruit", "vegetable", "vegetable"),
    ("tiger", "animal", "plant", "animal"), ("rose", "animal", "plant", "plant"),
    ("oak", "tree", "fish", "tree"), ("salmon", "tree", "fish", "fish"),
    ("violin", "instrument", "vehicle", "instrument"), ("bus", "instrument", "vehicle", "vehicle"),
    ("hammer", "tool", "food", "tool"), ("cheese", "tool", "food", "food"),
    ("eagle", "bird", "insect", "bird"), ("ant", "bird", "insect", "insect"),
    ("gold", "metal", "liquid", "metal"), ("milk", "metal", "liquid", "liquid"),
    ("pear", "fruit", "vegetable", "fruit"), ("onion", "fruit", "vegetable", "vegetable"),
    ("horse", "animal", "plant", "animal"), ("tulip", "animal", "plant", "plant"),
    ("piano", "instrument", "vehicle", "instrument"), ("truck", "instrument", "vehicle", "vehicle"),
    ("owl", "bird", "insect", "bird"), ("bee", "bird", "insect", "insect"),
    ("saw", "tool", "food", "tool"), ("rice", "tool", "food", "food"),
)  # fmt: skip

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
