/**
 * Which images, snapshots and volumes there are, and who may see them.
 *
 * <p>Start at {@link cairn.server.image.ImageRegistry} and {@link cairn.server.image.VolumeRegistry};
 * {@link cairn.server.image.VolumeSnapshots} closes the circle from a volume to its next image. Always true: a volume
 * holds the root of what it began as, so image and snapshot may go; an image's manifest never changes; what may change
 * about it (permissions, tags) is a record beside it.
 */
package cairn.server.image;
