/**
 * Which images and snapshots there are, and who may see them.
 *
 * <p>Start at {@link cairn.server.image.ImageRegistry}. Always true: an image's manifest never changes; what may change
 * about it (permissions, tags) is a record beside it.
 */
package cairn.server.image;
