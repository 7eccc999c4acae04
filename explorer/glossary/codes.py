"""Terms of codes, codebooks, reconstructions, maps and rates."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "code": Term("Code", "A number from a fixed list (the codebook) that stands for a small patch of an image."),
    "token": Term("Token", "One cell of the grid of an image with its code: an 8 × 8 grid has 64 tokens."),
    "used": Term(
        "Used codes",
        "Codes that stand in at least one cell of these images. Below it: how many as many tokens drawn evenly from "
        "all codes would use on average.",
    ),
    "dead": Term("Dead codes", "Codes that never occur in these images. With few images a rare code can look dead."),
    "perplexity": Term(
        "Perplexity",
        "2 to the power of the entropy: as many equally frequent codes would be as varied. Its 95 % interval comes "
        "from leaving out one image at a time (jackknife), because tokens of one image are not independent. With few "
        "tokens the estimate is too small; the interval corrects for that, and may then lie above it. Where more than "
        "4 % of the tokens have a code that one image alone has, there are too few images to say how far up it may go.",
    ),
    "ceiling": Term(
        "Even use would reach",
        "The perplexity that as many tokens drawn evenly from all codes would reach on average; it is no bound: by "
        "chance a sample may lie a little above it.",
    ),
    "entropy": Term(
        "Entropy",
        "How many bits one code carries on average if only the frequencies are known. At most log₂ of the number of "
        "codes. Corrected (Miller–Madow): counts of a sample make the entropy look too small; this adds what is "
        "missing on average.",
        "bits",
        "Miller 1955",
    ),
    "tokens counted": Term("Tokens counted", "Cells counted: images times cells of an image."),
    "rate of a layer": Term(
        "Bits per pixel",
        "What this layer costs an image if codes are stored by their frequency (entropy), and with log₂ of the "
        "codebook's size for each token (fixed length).",
        "bits per pixel",
    ),
    "cover": Term("Cover", "How few codes, the most used ones first, make up this share of all tokens."),
    "cumulative share": Term(
        "Cumulative share",
        "How much of all tokens the most used codes cover. The dashed line is even use; the further above it, the "
        "fewer codes do most of the work.",
    ),
    "histogram of codes": Term(
        "Use of each code",
        "A bar for each code, in the colour that it has on the code maps. By rank shows how uneven the use is; by code "
        "shows where in the codebook the used ones lie. On the logarithmic axis rare codes can be seen. Click a bar to "
        "select its code.",
    ),
    "concept heat map": Term(
        "Use by concept",
        "For the images of each value of a concept: how much of their tokens each code makes up. The ratio compares "
        "that with all images: 1 is twice as common, -1 half as common; of a few tokens that may be chance. A code "
        "that a value does not have counts as half a token. Click a column to select its code.",
    ),
    "information": Term(
        "A token tells",
        "Mutual information: how many bits the code of one random token tells about the concept of its image. The "
        "estimate is too high with many codes and few images; shuffled labels show by how much.",
        "bits",
    ),
    "chance": Term(
        "By chance",
        "The same number when the labels are shuffled among the images, mean of 100 shuffles, and the value that 97.5 "
        "% of them stay below. Only what lies above it says anything.",
        "bits",
    ),
    "codes above chance": Term(
        "Codes above chance",
        "Codes whose presence in an image tells more about the concept than shuffled labels do: p is 1 + the shuffles "
        "that tell as much, over 1 + all shuffles, and q that after Benjamini and Hochberg for looking at many codes. "
        "Of the codes with q below 0.05, one in 20 is there by chance.",
        "",
        "Benjamini and Hochberg 1995",
    ),
    "line of codes": Term(
        "Map of the codebook",
        "A code of this layer is one number, so there is nothing to project: to the right is the number, upwards the "
        "share of all tokens that have the code. Hollow dots are dead codes. Point at a dot for its best patch, click "
        "it to select it.",
    ),
    "map of codes": Term(
        "Map of the codebook",
        "Each dot is a code, the area its tokens, the colour that of the code maps; hollow dots are dead codes. Point "
        "at a dot for its best patch, click it to select it.",
    ),
    "near-duplicates": Term(
        "Near-duplicate codes",
        "Pairs of codes closer than a tenth of the usual distance to the nearest code (the median). They say nearly "
        "the same, and one of the two could go.",
    ),
    "psnr": Term(
        "PSNR",
        "Peak signal-to-noise ratio: 10 · log₁₀(1 / mean squared error), pixel values from 0 to 1; the mean over "
        "images. Higher is better: 20 dB is a mean squared error of 0.01, and 6 dB more halves a pixel's typical "
        "error. The range below it holds the mean over all such images with 95 % confidence; training again may "
        "differ by more.",
        "dB",
    ),
    "ssim": Term(
        "SSIM",
        "Structural similarity: compares means, contrasts and patterns in a sliding window. 1 is a perfect copy, 0 "
        "means that nothing of the structure is left. The mean over images, with its 95 % interval. Borders are "
        "reflected, so that every pixel counts; programs that leave out the five pixels next to the border, as the "
        "paper does, give other numbers, by hundredths on small images (`ssim_cropped` in the JSON of `reconstruct`, "
        "and in metrics.json).",
        "",
        "Wang et al. 2004, equation 13",
    ),
    "mean image": Term(
        "Mean image",
        "PSNR of an answer that looks at nothing: one mean image, for every image. What the model adds is the "
        "difference.",
        "dB",
    ),
    "error map": Term(
        "Error",
        "Absolute difference of each pixel between original and reconstruction, mean of red, green and blue, from 0 "
        "to 1. One scale serves all images of a dataset: it ends where 1 of 200 pixels of a sample errs by more, so "
        "that good and bad reconstructions can be told apart. The selection's own scale shows more of small errors.",
    ),
    "posterior": Term(
        "Posterior",
        "The mean of the posterior is the model's best guess; one draw from the posterior shows its doubt.",
    ),
    "hidden patches": Term(
        "Hidden patches",
        "What the model does not see, and fills in; visible patches are pasted back. Scores of an image then count "
        "its hidden patches only.",
    ),
    "prefix of layers": Term(
        "PSNR (dB)", "Mean PSNR of the picture made of the layers up to and with this one, and its 95 % interval.", "dB"
    ),
    "gain of a layer": Term(
        "Gain (dB)",
        "PSNR of the layers up to and with this one, minus that of the layers before it; the mean over images of the "
        "paired differences. The first layer is compared with no layer at all. 6 dB halve a typical error.",
        "dB",
    ),
    "layer alone": Term("Alone (dB)", "PSNR from this layer alone, all others filled as chosen above.", "dB"),
    "entropy of a layer": Term(
        "Entropy bits",
        "What this layer costs if codes are stored by their frequency, as a perfect compressor of single codes would.",
        "bits per pixel",
    ),
    "numbers per pixel": Term(
        "Numbers per pixel", "Continuous numbers that the decoder needs of this layer; they have no bits of their own."
    ),
    "recombination": Term(
        "Recombine two images",
        "Coarse layers usually carry place and colour, fine ones edges and texture: give them to different images and "
        "see.",
    ),
    "explained share": Term(
        "Variance kept",
        "How much of the spread of this layer's latents its codes keep: 100 % if each latent were its code's vector. "
        "Measured on a sample of latents.",
    ),
    "quality against bits": Term(
        "Quality against bits",
        "Each point is one way to store an image: further left is fewer bits, further up is closer to the original. "
        "Bars are 95 % intervals of the mean over these images; training again may differ by more. Points are joined "
        "where they differ in the layers that are sent, or in the bits of each continuous number.",
    ),
    "score": Term(
        "Score",
        "PSNR: 10 · log₁₀(1 / mean squared error) in dB, the mean over images; 6 dB more halves a pixel's typical "
        "error. SSIM compares means, contrasts and patterns in a sliding window; 1 is a perfect copy.",
    ),
    "rate of codes": Term(
        "Bits per pixel",
        "Fixed length: log₂(codes) bits for every position of a discrete layer, b bits for every number of a "
        "continuous one, at the positions that the decoder needs. Entropy: what an ideal code for exactly these "
        "frequencies of symbols would need, counted on these same images (plug-in: slightly too small, the more so the "
        "fewer images and the more codes). JPEG and WebP are entropy-coded in any case.",
        "bits per pixel",
    ),
    "bytes of a codec": Term(
        "JPEG and WebP",
        "Payload: the bytes that depend on the image, as if headers and tables were known to both sides like the "
        "weights of a network. Of a JPEG with the standard Huffman tables: what lies between the header of the scan "
        "and the end mark. Of a WebP: the VP8 frame without containers, tag, start code and size. Whole file: every "
        "byte, of the JPEG with tables optimized for the image. Small images are mostly headers. Colour has half the "
        "resolution (4:2:0) in both.",
    ),
    "bits spent": Term(
        "Bits per pixel",
        "What an image costs with all layers. Where some are continuous: with the fewest bits a number that lose less "
        "than 0.1 dB of mean PSNR.",
        "bits per pixel",
    ),
    "above a codec": Term(
        "Above JPEG, above WebP",
        "PSNR minus that of the codec at the same bits, interpolated between its points over the logarithm of the "
        "rate; empty where the codec does not reach that rate.",
        "dB",
    ),
    "table of codes": Term(
        "All codes", "Click a column's head to sort, and the box at the left of a row to select its code."
    ),
    "code map": Term(
        "Code map",
        "Each cell of the grid is one latent vector, and its colour the code it was given. Codes with near vectors "
        "have near colours (the codebook's three main directions become lightness, blue to yellow, and green to red).",
    ),
    "tokens of a code": Term("Tokens", "How often the code stands in a cell, over all images of this split."),
    "share of a code": Term(
        "Share of tokens", "Tokens of this code over all tokens. Even use would give every code the same share."
    ),
    "rank": Term("Rank", "1 is the code with the most tokens."),
    "images with a code": Term("Images with it", "Images of this split that have the code in at least one cell."),
    "top patches": Term(
        "Top patches",
        "The patches of all images whose latents are nearest to the code's vector, one of an image at most, with what "
        "surrounds them; the patch is outlined. Below each stand the number of its image, and the distance between "
        "its latent and the code's vector. A click shows that image.",
    ),
    "neighbours of a code": Term(
        "Neighbours in the codebook",
        "The codes with the nearest vectors by Euclidean distance, each with its best patch. The colour of a code on "
        "the maps comes from the same vectors. A click shows that code.",
    ),
    "usual distance": Term(
        "Usual distance", "The median over the codebook of the distance to the nearest other vector."
    ),
    "images that have it": Term(
        "Images that have it", "Those with most cells of the code first; its cells are outlined. A click shows it."
    ),
    "put in or take out": Term(
        "Put in or take out",
        "What the decoder makes of it when cells of this image get another code; all other cells, and the layers "
        "before this one, stay.",
    ),
    "left out": Term(
        "Layers left out",
        "They would know what was there before, and hide the change. A layer that is left out is filled with its mean "
        "over training, in a VQ-VAE, or computed anew, in a MAE.",
    ),
    "replaced by": Term(
        "Replaced by",
        "The average latent is the mean of all code vectors, weighted by use: what is left when nothing is known of "
        "the cell. The nearest other code is the smallest possible change.",
    ),
    "difference": Term(
        "Difference", "Absolute change of each pixel, mean of red, green and blue, from 0 to 1. Dark is no change."
    ),
    "mean absolute change": Term(
        "Mean absolute change",
        "Of pixel values from 0 to 1, so 0.1 is 26 of 255 levels; in the pixels of the cells that change, and outside.",
    ),
    "a random code": Term(
        "A random code",
        "How much random other codes in the same place change the inside, and where 90 % of them lie. The yardstick: "
        "so much does any change of these cells show.",
    ),
    "trustworthiness": Term(
        "Trustworthiness",
        "Are neighbours on the map neighbours in truth? For each point asked, those of its k nearest on the map that "
        "are not among its k nearest latents cost the more the farther they are. 1 is perfect, about 0.5 is a random "
        "map.",
        source="Venna and Kaski 2001",
    ),
    "fitted points": Term(
        "Laid out",
        "Of a map of many points UMAP lays out a sample, and every other point is placed among those. The sample is "
        "stratified: space is cut into boxes of equal size along the main directions of the latents, and a box of n "
        "points gives in proportion to the root of n, at least one. So what is rare is in it, and what is common does "
        "not fill it. Concepts have no part in it.",
        source="Hie et al. 2019, Bankier 1988",
    ),
    "placed points": Term(
        "Placed",
        "Points that UMAP did not lay out lie at the mean of the places of the five laid-out points with the nearest "
        "latents, weighted by one over the distance. Their trustworthiness stands beside that of the points that were "
        "laid out, and beside what it would be if each lay on the place of any of those. Neighbours are looked for "
        "among all points of the map.",
    ),
    "points of a map": Term(
        "At most",
        "How many points, drawn at random. More points take longer. Of more than 12,500 the map is flat, and pictures "
        "come when a point is pointed at. Of patches there are only the few of each image that its encoding keeps.",
    ),
    "compared at random": Term(
        "Compared at random",
        "Of many selected points, and of many others, 20,000 each are drawn with a fixed seed. Ratios and shares are "
        "those of all of them but for chance, which the intervals hold; q is that of fewer images, so it claims less.",
    ),
    "reading umap": Term(
        "How to read this map",
        "What a UMAP map can tell: points that lie together have similar latents, as far as the trustworthiness says. "
        "What it cannot: how far apart clusters are, how large or dense they are, and what the axes mean; UMAP evens "
        "out densities and places clusters where there is room. A second seed shows what is chance.",
    ),
    "reading pca": Term(
        "How to read this map",
        "PCA is a projection: distances on the map are never larger than in truth, but what differs along other "
        "directions falls on one point. The axis titles say how much of the variance each axis holds.",
    ),
    "reading line": Term(
        "How to read this map",
        "A latent of this layer is one number, so there is nothing to project: to the right is the number, less its "
        "mean; of an image it is the mean over the grid. Dots with nearly the same number are stacked, so that their "
        "height is a histogram.",
    ),
    "coloured by": Term(
        "Coloured by",
        "First the concept that neighbours on the map share most beyond chance, and so on; then what has no such "
        "number. Discrete concepts get a legend, numbers a colour bar. Codes have the colours of the code maps: near "
        "codes look alike. An image has the colour of its most frequent code. A code has the value that most of its "
        "tokens come from, or the mean over its tokens.",
    ),
    "neighbours that agree": Term(
        "Neighbours that agree",
        "For each point: how many of its k nearest have the same value, on the map and among the latents themselves "
        "(Euclidean distance, all dimensions), beside any other points drawn at random. The 95 % intervals are of the "
        "images, each of which may be near many others. What a map cannot keep apart may well be apart in the latents.",
    ),
    "nearest image": Term(
        "Nearest image",
        "Euclidean distance between the latents, averaged over the grid, of your picture and of the image most like "
        "it, and how many of these images have a nearer nearest one.",
    ),
    "placing": Term(
        "Placing misses by",
        "New pictures are placed at the mean of their five nearest images' places, weighted by one over the distance. "
        "For the known images themselves this misses the true place by so much of the map's diagonal (median). The "
        "map was made with those images in it, so a new picture may be missed by more.",
    ),
    "most like": Term(
        "Most like your picture",
        "Images with the nearest latents, averaged over the grid, nearest first; below each is its distance. Click one "
        "to mark it on the map.",
    ),
    "shared by the nearest": Term(
        "What the nearest images share",
        "Of each concept the value that most of the nearest images have, how many of them have it, and how common it "
        "is among all images: what by chance would be expected.",
    ),
    "over-represented": Term(
        "Codes over-represented",
        "For each code, the odds that one of the selected has it over the odds that one of the rest has it, as natural "
        "logarithm: 0 is as common, 0.7 twice the odds. Half a case is added to each count. The line is the 95 % "
        "interval of that code alone; q is the share of false finds among all codes with this q or less (Benjamini and "
        "Hochberg). Filled dots have q below 0.05; hollow grey ones may be chance. Sorted by the lower end of the "
        "interval.",
    ),
    "drawn on its own map": Term(
        "A selection on its own map",
        "The selection was drawn on a map of the same latents that the codes come from. So small q-values say how "
        "distinct the selected part is; they are no independent discovery.",
    ),
    "beside the rest": Term(
        "Concepts beside the rest",
        "Of the images that have a value: the share of each value among the selected ones, beside the share among the "
        "other images on the map. The thin lines are 95 % intervals (Wilson).",
    ),
}
