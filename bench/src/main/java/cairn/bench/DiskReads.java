package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.disk.DiskSource;
import java.nio.ByteBuffer;

/** Holds what was read over NBD against the disk that was pushed. */
final class DiskReads {
    private final DiskSource disk;

    DiskReads(DiskSource disk) {
        this.disk = disk;
    }

    /** @throws StoreException CORRUPT where they differ */
    void requireEqual(long offset, ByteBuffer got) {
        byte[] expected = new byte[got.remaining()];
        disk.read(offset, expected, 0, expected.length);
        if (!ByteBuffer.wrap(expected).equals(got)) {
            throw new StoreException(
                    Fault.CORRUPT, expected.length + " bytes at offset " + offset + " are not those of the disk");
        }
    }
}
