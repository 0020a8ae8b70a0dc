"""What the sample store sells, as words: 24 shelves in six departments, and how titles are made of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shelf:
    """A kind of thing: its titles are every first word with every second one, as `pattern` says."""

    department: str
    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    price_low: float
    price_high: float
    pattern: str = "{first} {second}"
    goes_with: tuple[str, ...] = ()
    """Shelves that the same customers look at in the same visit."""
    used_up: bool = False
    """Bought again and again by those who like it."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


_GEAR = _words(
    "Larch, Granite, Windward, Quiet Fox, Northlight, Highmoor, Timberline, Stonecrop, Sparrow, Otter"
)
_KITCHEN = _words("Copperleaf, Hearth, Olive Grove, Blue Door, Long Table, Sunday, Harbour, Stoneware")
_GROWER = _words(
    "Hilltop, Far Orchard, Morning Field, River Bend, Seven Acres, Clay Pot, Lantern Farm, Cloudberry"
)

SHELVES = (
    Shelf(
        "Outdoor",
        "Camping",
        _GEAR,
        _words(
            "Two-Person Tent, Sleeping Bag, Camp Stove, Folding Chair, "
            "Lantern, Hammock, Groundsheet, Cook Set"
        ),
        19,
        329,
        goes_with=("Hiking", "Trail Food"),
    ),
    Shelf(
        "Outdoor",
        "Hiking",
        _GEAR,
        _words(
            "Daypack 24 L, Trekking Poles, Rain Shell, Wool Socks, Trail Boots, Sun Hat, Map Case, Gaiters"
        ),
        9,
        219,
        goes_with=("Camping", "Nature Writing"),
    ),
    Shelf(
        "Outdoor",
        "Cycling",
        _GEAR,
        _words("Handlebar Bag, Bell, Pannier Pair, Rain Cape, Repair Kit, Helmet, Rear Light, Saddle Cover"),
        6,
        149,
        goes_with=("Trail Food", "Hiking"),
    ),
    Shelf(
        "Outdoor",
        "Trail Food",
        _GROWER,
        _words(
            "Oat Bars, Dried Mango, Trail Mix, "
            "Lentil Stew Pouch, Salted Almonds, Berry Chews, Instant Porridge"
        ),
        2,
        14,
        goes_with=("Hiking", "Cycling"),
        used_up=True,
    ),
    Shelf(
        "Books",
        "Mystery",
        _words("Murder, Silence, A Stranger, Midnight, The Last Guest, Footprints, The Second Key, A Letter"),
        _words(
            "at Gull Cottage, on the Night Ferry, in Room Eleven, "
            "at Harrow Lock, under Mill Bridge, "
            "on Chapel Lane, in the Winter Garden, at the Glass Hotel"
        ),
        6,
        24,
        goes_with=("Tea", "Puzzles"),
    ),
    Shelf(
        "Books",
        "Science Fiction",
        _words(
            "The Glass, A Second, The Borrowed, Beyond the, The Patient, The Hollow, Songs of the, The Ninth"
        ),
        _words("Orbit, Moon, Engine, Horizon, Colony, Signal, Tide, Archive"),
        6,
        24,
        goes_with=("Strategy Games", "Electronic"),
    ),
    Shelf(
        "Books",
        "Nature Writing",
        _words(
            "A Year of, The Secret Life of, Walking with, "
            "Notes on, In Praise of, The Company of, Field Guide to"
        ),
        _words("Hedgerows, Rivers, Owls, Mosses, Weather, Small Birds, Tides, Old Trees"),
        8,
        36,
        goes_with=("Hiking", "Seeds"),
    ),
    Shelf(
        "Books",
        "Cookbooks",
        _words("The Weekday, The Slow, One-Pot, The Little, A Baker's, The Market, The Long Lunch, Fireside"),
        _words("Kitchen, Noodle Book, Pantry, Soup Book, Bread Book, Vegetable Table, Supper Club"),
        12,
        42,
        goes_with=("Cookware", "Spices"),
    ),
    Shelf(
        "Music",
        "Folk",
        _words(
            "Paper Lanterns, The Tin Whistlers, Odd Harbour, Wren & Daughter, The Milk Train, Juniper Row"
        ),
        _words(
            "Slow Rivers, Kitchen Songs, The Long Way Home, "
            "Salt and Rope, Barn Sessions, Letters to Nora, "
            "Late Harvest, Seven Bridges"
        ),
        9,
        32,
        "{second} – {first}",
        goes_with=("Tea", "Nature Writing"),
    ),
    Shelf(
        "Music",
        "Jazz",
        _words(
            "Ida Moreno Trio, The Velvet Clocks, Otto Lindqvist, Basement Five, Mara Okafor, Blue Staircase"
        ),
        _words(
            "After the Rain, Two in the Morning, Standing Room, "
            "Café Obscura, Half Past Nine, Copper Moon, "
            "Live at the Attic, Left Bank"
        ),
        9,
        38,
        "{second} – {first}",
        goes_with=("Coffee", "Cookbooks"),
    ),
    Shelf(
        "Music",
        "Electronic",
        _words("Night Elevator, Signal Garden, Halogen, Polar Static, Miniature Cities, The Sleepwalk Club"),
        _words(
            "Neon Weather, Low Orbit, Pulse Studies, Glass Arcade, "
            "Tunnel Light, Sleep Mode, Grid Poems, "
            "Aurora Loop"
        ),
        9,
        32,
        "{second} – {first}",
        goes_with=("Science Fiction", "Coffee"),
    ),
    Shelf(
        "Music",
        "Classical",
        _words(
            "Lakeside Quartet, Anna Feld, Northern Chamber Choir, "
            "Duo Castellan, Old Mill Orchestra, Ilse Brandt"
        ),
        _words(
            "Winter Suites, Music for Strings, Nocturnes, "
            "Evening Motets, Piano Miniatures, Cello in the Rain, "
            "Four Seasons Anew, Baroque Postcards"
        ),
        9,
        38,
        "{second} – {first}",
        goes_with=("Tea", "Mystery"),
    ),
    Shelf(
        "Kitchen",
        "Cookware",
        _KITCHEN,
        _words("Cast-Iron Pan, Saucepan, Casserole, Wok, Loaf Tin, Griddle, Mixing Bowls, Salad Spinner"),
        14,
        189,
        goes_with=("Cookbooks", "Spices"),
    ),
    Shelf(
        "Kitchen",
        "Coffee",
        _GROWER,
        _words(
            "Dark Roast Coffee, Breakfast Blend, Espresso Beans, Decaf Beans, Filter Roast, Cold Brew Bags"
        ),
        6,
        24,
        goes_with=("Jazz", "Tea"),
        used_up=True,
    ),
    Shelf(
        "Kitchen",
        "Tea",
        _GROWER,
        _words("Smoky Black Tea, Green Tea, Mint Infusion, Earl Blue, Chamomile, Rooibos, Ginger Tea"),
        4,
        19,
        goes_with=("Mystery", "Coffee"),
        used_up=True,
    ),
    Shelf(
        "Kitchen",
        "Spices",
        _GROWER,
        _words(
            "Smoked Paprika, Curry Powder, Sea Salt Flakes, "
            "Chilli Oil, Cinnamon Sticks, Za'atar, Black Pepper"
        ),
        2,
        13,
        goes_with=("Cookbooks", "Cookware"),
        used_up=True,
    ),
    Shelf(
        "Games",
        "Strategy Games",
        _words(
            "Lighthouse Keepers, Caravan, The Salt Road, Beekeepers, "
            "Iron Valley, Cartographers' Duel, Windmill, "
            "Archipelago"
        ),
        _words(
            "Base Game, Winter Expansion, Deluxe Edition, "
            "Two-Player Edition, New Shores, Travel Edition, "
            "Solo Deck"
        ),
        12,
        79,
        "{first}: {second}",
        goes_with=("Science Fiction", "Puzzles"),
    ),
    Shelf(
        "Games",
        "Family Games",
        _words(
            "Hungry Badgers, Sock Bandits, Pancake Panic, "
            "Captain Turnip, Dragon Taxi, Wobbly Castle, Cheese Heist"
        ),
        _words(
            "Board Game, Card Game, Party Box, Junior Edition, Travel Tin, Dice Game, Big Box, Memory Game"
        ),
        8,
        44,
        goes_with=("Puzzles", "Toys"),
    ),
    Shelf(
        "Games",
        "Puzzles",
        _words(
            "Harbour at Dusk, Owl Library, Balloon Festival, "
            "The Tea Shop, Mushroom Forest, Night Train, "
            "Rooftop Cats"
        ),
        _words(
            "100-Piece Puzzle, 250-Piece Puzzle, 500-Piece Puzzle, "
            "750-Piece Puzzle, 1000-Piece Puzzle, "
            "1500-Piece Puzzle, 2000-Piece Puzzle, Wooden Puzzle"
        ),
        9,
        49,
        goes_with=("Family Games", "Mystery"),
    ),
    Shelf(
        "Games",
        "Toys",
        _words("Wooden, Pocket, Giant, Wind-Up, My First, Glow-in-the-Dark, Knitted, Build-Your-Own"),
        _words("Train, Kite, Robot, Fox, Marble Run, Xylophone, Rocket, Doll's House"),
        7,
        69,
        goes_with=("Family Games", "Puzzles"),
    ),
    Shelf(
        "Garden",
        "Seeds",
        _GROWER,
        _words(
            "Tomato Seeds, Sunflower Seeds, Lettuce Mix, "
            "Climbing Beans, Wildflower Mix, Basil Seeds, Radish Seeds"
        ),
        1.5,
        7,
        goes_with=("Garden Tools", "Pots"),
        used_up=True,
    ),
    Shelf(
        "Garden",
        "Garden Tools",
        _words("Ashwood, Forged, Folding, Long-Handled, Copper, Sturdy, Little Gardener's, Grandpa's"),
        _words("Trowel, Secateurs, Rake, Watering Can, Hand Fork, Hoe, Dibber, Gloves"),
        7,
        59,
        goes_with=("Seeds", "Pots"),
    ),
    Shelf(
        "Garden",
        "Pots",
        _words("Terracotta, Glazed, Hanging, Zinc, Speckled, Balcony, Woven, Sea-Green"),
        _words("Planter, Herb Pot, Window Box, Bowl, Tall Pot, Saucer Set, Orchid Pot, Seed Tray"),
        5,
        64,
        goes_with=("Seeds", "Houseplants"),
    ),
    Shelf(
        "Garden",
        "Houseplants",
        _words("Young, Trailing, Variegated, Giant, Miniature, Hardy, Silver, Wild"),
        _words("Fern, Monstera, Ivy, Peace Lily, Aloe, Spider Plant, Fig, String of Hearts"),
        8,
        74,
        goes_with=("Pots", "Nature Writing"),
    ),
)
