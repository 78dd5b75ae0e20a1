package cairn.server.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.account.Encryption;
import java.util.Optional;

/**
 * What EC2 says of a disk of an image, beside its content: how a volume for it is made when an instance is launched.
 *
 * @param virtualName of a disk of the host's own, {@code ephemeral0} and on, here a blank one; empty for a volume
 * @param sizeGib of the volume; empty: that of its snapshot
 * @param type as EC2 names it: gp3 and the like; here they are all the same
 * @param iops that were asked for; kept and told, and nothing else
 * @param throughputMibs likewise
 * @param isEncrypted its snapshot is, or the volume is to be
 * @param keyId the label of the key, where one was named
 */
public record DeviceSettings(
        boolean deletesOnTermination,
        Optional<String> virtualName,
        Optional<Long> sizeGib,
        String type,
        Optional<Long> iops,
        Optional<Long> throughputMibs,
        boolean isEncrypted,
        Optional<String> keyId) {
    public static final String DEFAULT_TYPE = "gp3";
    public static final long SIZE_GIB_MAX = 65_536;

    /** Of a disk of which nothing is said. */
    public static final DeviceSettings NEW = new DeviceSettings(
            true,
            Optional.empty(),
            Optional.empty(),
            DEFAULT_TYPE,
            Optional.empty(),
            Optional.empty(),
            false,
            Optional.empty());

    /** @throws StoreException INVALID_REQUEST for a size out of bounds */
    public DeviceSettings {
        sizeGib.ifPresent(size -> {
            if (size < 1 || size > SIZE_GIB_MAX) {
                throw new StoreException(
                        Fault.INVALID_REQUEST, "a volume has 1 to " + SIZE_GIB_MAX + " GiB, not " + size);
            }
        });
    }

    public DeviceSettings with(Encryption.Choice newEncryption) {
        return new DeviceSettings(
                deletesOnTermination,
                virtualName,
                sizeGib,
                type,
                iops,
                throughputMibs,
                newEncryption.isEncrypted(),
                newEncryption.keyId());
    }

    public Encryption.Choice encryption() {
        return new Encryption.Choice(isEncrypted, keyId);
    }
}
