package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;

/** Names a disk in a store: an image, whose root device is meant, or a snapshot. */
public record DiskId(String value) {
    /** @throws StoreException INVALID_REQUEST for a malformed id */
    public DiskId {
        if (value.startsWith(ImageId.PREFIX)) {
            new ImageId(value);
        } else if (value.startsWith(SnapshotId.PREFIX)) {
            new SnapshotId(value);
        } else if (VolumeId.isVolumeId(value)) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "volume " + value + " may change at any time; make a snapshot of it first"
                            + " (cairn snapshot create " + value + ") and take that");
        } else {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(value) + "\" is no id of an image (ami-...) or a snapshot (snap-...)");
        }
    }

    public static DiskId of(ImageId id) {
        return new DiskId(id.value());
    }

    public static DiskId of(SnapshotId id) {
        return new DiskId(id.value());
    }

    public boolean isImage() {
        return value.startsWith(ImageId.PREFIX);
    }

    /** @throws StoreException INVALID_REQUEST unless {@link #isImage} */
    public ImageId image() {
        return new ImageId(value);
    }

    /** @throws StoreException INVALID_REQUEST if {@link #isImage} */
    public SnapshotId snapshot() {
        return new SnapshotId(value);
    }

    @Override
    public String toString() {
        return value;
    }
}
