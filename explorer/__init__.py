"""Codebook Explorer: do the codes of an image autoencoder capture concepts?"""
