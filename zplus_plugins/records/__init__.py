"""Records: files with latent codes, and how and in which space the codes were found."""
