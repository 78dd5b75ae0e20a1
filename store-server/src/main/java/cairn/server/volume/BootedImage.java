package cairn.server.volume;

import cairn.image.ImageId;

/**
 * An image that a machine may be booting from.
 *
 * @param isRecorded what the boot touches is added to the image's profile: for its owner's own machines alone, so that
 *     nobody else changes what is read ahead of those, or has it told how they boot
 */
public record BootedImage(ImageId id, boolean isRecorded) {}
