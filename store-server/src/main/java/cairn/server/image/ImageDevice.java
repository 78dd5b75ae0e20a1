package cairn.server.image;

import cairn.image.ImageManifest.BlockDevice;
import java.util.Optional;

/**
 * A disk of an image, all that is known of it.
 *
 * @param name under which the machine has it
 * @param content empty: it is blank at launch
 */
public record ImageDevice(String name, Optional<BlockDevice> content, DeviceSettings settings) {
    private static final long GIB = 1L << 30;

    /** The size of a volume that is made for it, in whole GiB, at least that of its content. */
    public Optional<Long> volumeGib() {
        return settings.sizeGib().or(() -> content.map(each -> gib(each.sizeBytes())));
    }

    /** As EC2 counts sizes: in GiB, rounded up. */
    public static long gib(long sizeBytes) {
        return (sizeBytes + GIB - 1) / GIB;
    }
}
