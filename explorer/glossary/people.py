"""Terms of users and products: who looked at what, what is recommended, and how that is judged."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "interactions": Term(
        "Interactions",
        "A row for each time that a user looked at, bought or rated an image: who, and which image. A weight says how "
        "much it counts, a time when it was. Several rows of one user and one image are one.",
    ),
    "hashed ids": Term(
        "Hash user ids",
        "Each id is replaced by a short name made of it and of a random key that is thrown away, before anything is "
        "kept: nobody can find out who it was, and the same person has another name in the next import.",
    ),
    "simulated users": Term(
        "Simulated users",
        "Nobody looked at anything: users with a known taste were made up, such as one who likes red things and "
        "dislikes stripes. So the right answer is known, and with it the best that any method could do.",
    ),
    "hit rate": Term(
        "Hit rate",
        "Share of users for whom the image that was held back is among the first k recommended, of all images that "
        "the user has not looked at. Everything else that the user looked at may be used; the image held back, and "
        "copies of it, may not.",
        "%",
    ),
    "ndcg of users": Term(
        "nDCG",
        "As the hit rate, but a hit counts less further down: 1 / log₂(1 + place), the mean over users. 1 where it is "
        "always first.",
        "0 to 1",
        "Järvelin and Kekäläinen, 2002",
    ),
    "mrr of users": Term(
        "MRR",
        "As the hit rate, but a hit counts 1 / place: 1 for the first, a half for the second; the mean over users.",
        "0 to 1",
    ),
    "ceiling of a simulation": Term(
        "Ceiling",
        "What the ranking that knows every taste would find, on average. It is far below 100 %: a user who likes red "
        "things takes one of hundreds, and nobody can know which. No method expects more; one that is at the ceiling "
        "has understood the taste. It is known because the users are simulated.",
        "%",
    ),
    "coverage of recommendations": Term(
        "Coverage",
        "Share of all images that are recommended to somebody, among the first k. A method that recommends the same "
        "ten to everybody covers ten.",
        "%",
    ),
    "popularity bias": Term(
        "Popularity bias",
        "How popular what is recommended is: its mean place when all images are sorted by how many users looked at "
        "them, 100 % for the most popular. 50 % is no bias.",
        "%",
        "Abdollahpouri, Burke and Mobasher, 2017",
    ),
    "cold start": Term(
        "New products",
        "Some images are treated as new: nobody's interaction with them is used. What other users looked at says "
        "nothing of them, so popularity and item-kNN can only guess; what they look like says as much as before.",
    ),
    "profile of a user": Term(
        "Codes of a user",
        "The bags of codes of everything the user looked at, added up: rare codes count more (tf–idf), what has a "
        "larger weight, and what was looked at later, counts more, too. Beside it how often all users have the code: "
        "twice as often says more than often.",
    ),
    "users near": Term(
        "Users near",
        "Users with the most similar codes: the cosine of their profiles, 1 for the same. Below, the codes that "
        "bring them together.",
        "at most 1",
    ),
    "looked at together": Term(
        "Looked at together",
        "Images that the same users looked at: n / (√(a · b) + 5) of n users who looked at both, and a and b who "
        "looked at each, so that one user in common is no proof. It needs no picture. Beside it, what looks alike to "
        "the codes, which needs no user.",
        "0 to 1",
        "Bell and Koren, 2007",
    ),
    "fit of an image": Term(
        "Fit",
        "How well an image fits a user: the product of its bag of codes and the user's, less that of the mean image. "
        "Above 0 it fits better than the mean image. It is a sum over codes, so the share of each code in it is exact; "
        "some codes may count against it. Scores order images; they are no probabilities.",
    ),
    "gini of recommendations": Term(
        "Gini",
        "How unequally images are recommended: 0 where all are recommended equally often, near 1 where a few are "
        "recommended to everybody.",
        "0 to 1",
    ),
    "groups of a user": Term(
        "Groups of a user",
        "The taste of a user is a sum over codes; here it is summed over groups of codes that come together. Codes "
        "that the user avoids count against their group. The part is of all groups that are liked.",
        "%",
    ),
}
