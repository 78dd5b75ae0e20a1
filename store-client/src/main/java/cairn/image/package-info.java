/**
 * What an image is: an immutable manifest in canonical bytes, its name that follows from them, and its signature.
 *
 * <p>Start at {@link cairn.image.ImageManifest}. Always true: a manifest has one encoding, and anything that is not
 * exactly that encoding is refused.
 */
package cairn.image;
