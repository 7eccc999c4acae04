"""Terms of what codes have to do with concepts."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "verdict": Term(
        "Verdict",
        "One of six phrases, each found by a rule from scores on held-out images, with their 95 % intervals, "
        "beside all nulls. The rules stand below the table. In 300 simulated sets of 500 images the intervals of the "
        "best code of a value held the truth in 94 to 96 %, those of probes and of means over values in 88 to 93 %; "
        "the rules therefore ask that intervals do not overlap: of 200 concepts at random none was told.",
    ),
    "above best null": Term(
        "Above the best null",
        "The score of the codes less that of the null that reaches highest (by the upper end of its interval). Only "
        "where the verdict says that the codes capture the concept does the cell have a colour.",
    ),
    "nulls": Term(
        "Nulls",
        "What is scored just as the codes are but learned nothing of the images: shuffled labels, untrained networks, "
        "random codebooks, raw patches, pixels, colours. Codes that reach no more than the best of them show no "
        "more than it does. Of several seeds the mean, and the widest interval.",
        source="Adebayo et al. 2018, Sanity checks for saliency maps; Hewitt and Liang 2019",
    ),
    "probe ladder": Term(
        "Probe ladder",
        "What a linear probe and 15 nearest neighbours read of the concept at each point, on images that "
        "they were not fitted on: where it rises the network made the concept easier to read, where it falls it is "
        "lost. The last point are codes of other images, which tell nothing.",
        source="Alain and Bengio 2017, Understanding intermediate layers using linear classifier probes",
    ),
    "AP of a code": Term(
        "Average precision",
        "How well the number of a code's tokens ranks the images of a value before all others: 1 is perfect, the share "
        "of the value's images is chance. The code is chosen on other images than it is scored on.",
    ),
    "on top of colour": Term(
        "On top of colour",
        "What a linear probe gains where it sees the codes besides lightness, hue, edges and "
        "background of the picture. "
        "Nothing gained: the codes know of the concept only what these give away.",
    ),
    "detectable": Term(
        "Could have been seen",
        "How far above chance a score had to be to be found with so many images with a probability of 80 %.",
    ),
    "selectivity": Term(
        "Selectivity",
        "The probe's score less that on a control task, where each code stands for a value at random: what is read "
        "because codes mean something, not because the probe can learn anything.",
        source="Hewitt and Liang 2019, Designing and interpreting probes with control tasks",
    ),
    "concept": Term(
        "Concept",
        "Anything known of each image: its class folder, a column of a table beside the images, a factor, a set of "
        "images that you gathered, or something computed from the pixels, such as lightness.",
    ),
    "classes of a code": Term(
        "Classes of its images",
        "Of the images that have the code, how many have each value of a concept; and how many times as common that is "
        "as among the images without the code, with a 95 % interval in which every image counts once, however many of "
        "its tokens have the code. Shown is the value that is most surely more common, where q < 0.05 (exact test; "
        "Benjamini and Hochberg over all values of all concepts of this code). Strong finds are a little flattered: "
        "they are the strongest of many. A code that all images have can stand out in nothing.",
        source="Katz et al., Obtaining confidence intervals for the risk ratio in cohort studies, 1978",
    ),
    "place of a code": Term(
        "Where it stands",
        "The share of the code's tokens in the third of the image, or the crossing of two thirds, that holds most more "
        "than its share of the cells; even spread would give just that share. The 95 % interval counts images, not "
        "tokens, and is widened for looking at all fifteen regions. The picture has the number of tokens in each cell, "
        "from dark (none) to light (most).",
        source="Wilson, 1927; effective number of images: Kish, Survey Sampling, 1965",
    ),
    "bits of a token": Term(
        "A token tells",
        "Mutual information of the code of one random token and the concept of its image, less its bias. As counted it "
        "is too high, because rare codes meet few images. The bias and the 95 % interval come from leaving out one "
        "image at a time (jackknife), since tokens of one image are not independent; shuffled labels tell 0 bits on "
        "average. So it can fall a little below 0 where nothing is told.",
        "bits",
        "Zahl 1977; Efron and Stein 1981",
    ),
    "counted bits": Term(
        "By chance",
        "What shuffled labels seem to tell, mean of all shuffles of values among images, and what the counts as they "
        "are seem to tell. Only what is told beyond the first says anything: it is what the other numbers are.",
        "bits",
    ),
    "share of concept": Term(
        "Share",
        "As a share, it is over the entropy of the concept, all that there is to know of it.",
        "",
    ),
    "q of bits": Term(
        "q",
        "Of what has this q or less, at most such a share is there by chance. p is 1 + the shuffles that tell as much, "
        "over 1 + all shuffles; q corrects it for the number of concepts and layers that were asked (values: of all "
        "values; codes: of all codes). Filled marks have q below 0.05.",
        "",
        "Benjamini and Hochberg 1995",
    ),
    "effective tokens": Term(
        "Worth as many tokens",
        "Tokens of one image depend on one another. So many independent ones would have as much bias: the number N of "
        "Miller and Madow's correction (Kx + Ky - Kxy - 1) / (2 N).",
        "tokens",
        "Rao and Scott 1984",
    ),
    "adjusted information": Term(
        "Adjusted",
        "Mutual information less chance, over the most that it could be (the mean of both entropies) less chance: 0 by "
        "chance, 1 where code and value are the same thing. Chance shuffles whole images, not tokens.",
        "",
        "Vinh, Epps and Bailey 2010",
    ),
    "presence of codes": Term(
        "Codes that tell",
        "Codes whose presence anywhere in an image tells more of the concept than in shuffled labels. The unit is the "
        "image. The strongest of many look a little better than they are.",
        "bits",
    ),
    "share of position": Term(
        "Is position",
        "How much of the entropy of a code is known from where it stands alone: 0 % where every code stands "
        "everywhere, 100 % where the position says which code it is. Chance shuffles the tokens within each image.",
    ),
    "bits beyond position": Term(
        "Beyond position",
        "What a token tells of the concept once its position is known, mean over positions (at most 64 of them), less "
        "its bias, so that shuffled labels tell 0 bits. It can be more than a token tells without: a code may mean "
        "something only where it stands.",
        "bits",
    ),
    "bits beyond pictures": Term(
        "Beyond colour",
        "What a token tells of the concept among images of like colour, lightness and edges (at most 8 groups, k-means "
        "of what is computed from the pixels), less its bias, so that labels shuffled within each group tell 0 "
        "bits: 0 where the codes know of the concept only what its colours give away. The groups "
        "are coarse: some colour is left.",
        "bits",
    ),
    "unseen codes": Term(
        "Merely unseen, at least",
        "Dead codes that occur in no image here but would in others: the fewest there must be, judged by how many "
        "codes one image alone has, and two (Chao2), at most as many as are dead. Codes that are rarer than that can "
        "tell are not counted, so it is a lower bound. The 95 % interval is of that bound and draws the images again.",
        "codes",
        "Chao 1987",
    ),
    "further codes": Term(
        "More images show",
        "How many codes half as many images again would show for the first time. Unlike the bound beside it, this is "
        "an estimate without bias; its 95 % interval includes the chance of what the further images are.",
        "codes",
        "Good and Toulmin 1956",
    ),
    "unseen mass": Term(
        "Unseen in a new image",
        "The share of the tokens of a further image whose code none of these images has: the tokens of codes that one "
        "image alone has, over all tokens.",
        "",
        "Good 1953, with the image as unit; interval after Esty 1983",
    ),
    "coverage of tokens": Term(
        "Coverage of tokens",
        "Good's 1 - F1 / N: one less codes with one token over tokens. It takes tokens of one image for independent; "
        "where an image repeats its codes, it is too high, and the share beside it counts.",
        "",
        "Good 1953",
    ),
    "chao": Term(
        "Chao1",
        "The fewest codes there must be, seen and unseen, by how many have one token and two (Chao1), or are in one "
        "image and two (Chao2); at most the size of the codebook. Tokens of one image are not independent, so Chao2 "
        "is the one to trust.",
        "codes",
        "Chao 1984, 1987",
    ),
    "rule of three": Term(
        "A dead code is in",
        "Of a code that none of n images has, one can say with 95 % confidence that it is in less than about 3 / n of "
        "all such images. It holds for a code that was named before, not for all dead ones together.",
        "",
        "Hanley and Lippman-Hand 1983",
    ),
    "rarefaction": Term(
        "Codes that images show",
        "How many codes fewer images would show on average, whichever they are, exactly (hypergeometric); the band is "
        "for other images of the same kind. Where it still climbs, dead codes may be unseen. Dotted: as many tokens "
        "drawn one by one from all images, which show more codes, because an image repeats its own. Dashed: tokens "
        "drawn evenly from the whole codebook.",
        "codes",
        "Hurlbert 1971; Colwell et al. 2012",
    ),
    "fixed tokens": Term(
        "At a fixed number of tokens",
        "More tokens show more codes, so the use of two sets can only be compared at the same number of tokens.",
        "tokens",
    ),
    "effective capacity": Term(
        "Effective capacity",
        "As many equally frequent codes that are never mistaken for each other are as useful: 1 over the chance that "
        "two random tokens have the same code, or codes so near that latents overlap. How far latents lie from their "
        "codes sets what is near. Without overlap: as if no two codes were ever mistaken. What overlap means is our "
        "own choice (Bhattacharyya, of normal distributions), so compare it with other numbers of this program only.",
        "codes",
        "after Wang et al. 2026, arXiv:2606.01844",
    ),
    "intruder test": Term(
        "Intruder test",
        "People see six patches, five of one code and one of another that is used about as often, all of different "
        "images, and say which does not belong. Codes are drawn from all that stand in five images, each as likely.",
        source="Chang et al., Reading tea leaves: how humans interpret topic models, 2009",
    ),
    "intruder found": Term(
        "Intruder found",
        "Share of the trials of codes in which the patch of the other code was named. One of six by chance.",
        "share of trials",
        "Wilson, 1927",
    ),
    "random codes": Term(
        "Random codes",
        "The same where all six patches have different codes and one of them was drawn to count as the intruder: what "
        "luck, or a habit of clicking one place, finds. Mixed in blind.",
        "share of trials",
    ),
    "machine on latents": Term(
        "Machine on latents",
        "What a machine finds that names the patch whose latent, before quantization, is farthest from the mean of the "
        "five others. Codes are made of these latents, so it should find nearly all: the most that there is to see.",
        "share of trials",
    ),
    "machine on pixels": Term(
        "Machine on pixels",
        "The same with the pixels of the patch and what is around it, 8 × 8 colours, in place of its latent: who finds "
        "no more than this may be seeing colour alone.",
        "share of trials",
    ),
}
