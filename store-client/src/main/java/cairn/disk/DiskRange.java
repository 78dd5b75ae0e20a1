package cairn.disk;

import cairn.Fault;
import cairn.StoreException;

/** Some of a disk's bytes: at least one. */
public record DiskRange(long offset, long lengthBytes) {
    public DiskRange {
        if (offset < 0 || lengthBytes <= 0 || offset > Long.MAX_VALUE - lengthBytes) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "no range of a disk: " + lengthBytes + " bytes at offset " + offset);
        }
    }

    /** The first offset behind it. */
    public long endOffset() {
        return offset + lengthBytes;
    }
}
