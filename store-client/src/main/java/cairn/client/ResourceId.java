package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;

/** Names an image, a snapshot or a volume. */
public record ResourceId(String value) {
    /** @throws StoreException INVALID_REQUEST for a malformed id */
    public ResourceId {
        if (value.startsWith(VolumeId.PREFIX)) {
            new VolumeId(value);
        } else if (value.startsWith(ImageId.PREFIX) || value.startsWith(SnapshotId.PREFIX)) {
            new DiskId(value);
        } else {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(value)
                            + "\" is no id of an image (ami-...), a snapshot (snap-...) or a volume (vol-...)");
        }
    }

    public boolean isVolume() {
        return value.startsWith(VolumeId.PREFIX);
    }

    /** @throws StoreException INVALID_REQUEST unless {@link #isVolume} */
    public VolumeId volume() {
        return new VolumeId(value);
    }

    /** @throws StoreException INVALID_REQUEST if {@link #isVolume} */
    public DiskId disk() {
        return new DiskId(value);
    }

    @Override
    public String toString() {
        return value;
    }
}
