"""What the templates are filled with."""

NAMES = (
    "Ana", "Ben", "Cara", "Dan", "Ella", "Finn", "Gina", "Hugo", "Iris", "Jack", "Kim", "Leo",
    "Mia", "Noah", "Olga", "Paul", "Rosa", "Sam", "Tina", "Uma", "Vera", "Will", "Yara", "Zoe",
)  # fmt: skip

THINGS = ("apples", "books", "coins", "pens", "stamps", "marbles", "cards", "shells")

TOPICS = (
    "dogs", "rain", "the sea", "bread", "trees", "music", "winter", "trains", "the moon", "cats",
    "books", "rivers", "birds", "summer", "mountains", "coffee", "gardens", "snow", "horses",
    "bees",
)  # fmt: skip

WORDS = (
    "river", "window", "garden", "stone", "winter", "music", "bridge", "candle", "letter", "forest",
    "morning", "bread", "ship", "cloud", "teacher", "road", "silver", "island", "kitchen", "train",
    "flower", "market", "shadow", "summer",
)  # fmt: skip

WORD_PAIRS = (
    ("dog", "ball"), ("sun", "beach"), ("book", "table"), ("rain", "umbrella"), ("cat", "chair"),
    ("bread", "butter"), ("bird", "tree"), ("boy", "bike"), ("tea", "cup"), ("fire", "wood"),
    ("fish", "water"), ("bus", "city"), ("doctor", "hospital"), ("moon", "night"),
)  # fmt: skip

OPPOSITES = {
    "hot": "cold", "big": "small", "fast": "slow", "up": "down", "day": "night", "wet": "dry",
    "happy": "sad", "old": "young", "open": "closed", "hard": "soft", "light": "dark",
    "rich": "poor", "early": "late", "strong": "weak", "full": "empty", "left": "right",
    "near": "far", "loud": "quiet", "clean": "dirty", "begin": "end",
}  # fmt: skip

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo",
    "England": "London", "Russia": "Moscow", "China": "Beijing", "Egypt": "Cairo",
    "Greece": "Athens", "Portugal": "Lisbon", "Austria": "Vienna", "Ireland": "Dublin",
    "Poland": "Warsaw", "Norway": "Oslo", "Canada": "Ottawa", "Cuba": "Havana", "Kenya": "Nairobi",
}  # fmt: skip

COLOURS = {
    "grass": "green", "snow": "white", "a clear sky at noon": "blue", "a ripe banana": "yellow",
    "coal": "black", "blood": "red", "an orange": "orange", "milk": "white", "a lemon": "yellow",
    "a fire engine, most often": "red", "a frog, most often": "green", "the night sky": "black",
}  # fmt: skip

PLURALS = {
    "child": "children", "mouse": "mice", "box": "boxes", "foot": "feet", "city": "cities",
    "leaf": "leaves", "man": "men", "dog": "dogs", "tooth": "teeth", "baby": "babies",
    "bus": "buses", "sheep": "sheep",
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
)  # fmt: skip

NO = (
    "Is snow hot?", "Can a stone swim?", "Is the moon made of cheese?", "Do cats have wings?",
    "Is five more than ten?", "Is a car alive?", "Do fish walk on land?", "Is night bright?",
    "Can a table sing?", "Is the sea dry?", "Do trees drive cars?",
    "Is a whale smaller than a mouse?",
    "Is lemon juice sweet?", "Is London in Japan?",
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
)  # fmt: skip

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
