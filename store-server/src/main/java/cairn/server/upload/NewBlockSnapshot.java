package cairn.server.upload;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.image.SnapshotId;
import cairn.server.image.SnapshotSettings;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * A snapshot that is to be written block by block.
 *
 * @param sizeGib from 1 to {@link #SIZE_GIB_MAX}
 * @param parent whose blocks it has where none is written
 * @param description perhaps empty
 * @param timeout after which it is given up, when nobody writes a block
 * @param settings as they will be once it is completed
 */
public record NewBlockSnapshot(
        int sizeGib,
        Optional<SnapshotId> parent,
        String description,
        Map<String, String> tags,
        Duration timeout,
        SnapshotSettings settings) {
    /** 64 TiB. */
    public static final int SIZE_GIB_MAX = 65_536;
    public static final Duration TIMEOUT_MIN = Duration.ofMinutes(10);
    public static final Duration TIMEOUT_DEFAULT = Duration.ofMinutes(60);
    public static final Duration TIMEOUT_MAX = Duration.ofMinutes(4320);

    /** @throws StoreException INVALID_REQUEST if a number is out of its bounds */
    public NewBlockSnapshot {
        if (sizeGib < 1 || sizeGib > SIZE_GIB_MAX) {
            throw new StoreException(
                    INVALID_REQUEST, "a volume has 1 to " + SIZE_GIB_MAX + " GiB, not " + sizeGib);
        }
        if (timeout.compareTo(TIMEOUT_MIN) < 0 || timeout.compareTo(TIMEOUT_MAX) > 0) {
            throw new StoreException(INVALID_REQUEST, "a timeout has " + TIMEOUT_MIN.toMinutes() + " to "
                    + TIMEOUT_MAX.toMinutes() + " minutes, not " + timeout.toMinutes());
        }
        tags = Map.copyOf(tags);
    }
}
