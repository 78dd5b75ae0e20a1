package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** The bytes of an answer, in memory that is used again for the next one. For one thread at a time. */
final class Reply {
    private static final int FIRST_BYTES = 8192;

    private byte[] bytes = {};
    private int lengthBytes;

    /** What may go on for too long. */
    interface Patience {
        void require() throws IOException;
    }

    /** The first {@link #lengthBytes} of this array, until the next answer is read. */
    byte[] array() {
        return bytes;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    byte[] toBytes() {
        return lengthBytes == bytes.length ? bytes : Arrays.copyOf(bytes, lengthBytes);
    }

    void clear() {
        lengthBytes = 0;
    }

    /**
     * Takes all that comes.
     *
     * @param announcedBytes below zero where it is not told how many come
     * @param patience is asked before each wait
     * @throws IOException if fewer come than announced
     * @throws StoreException TOO_LARGE beyond {@code bytesMax}
     */
    void read(InputStream from, long announcedBytes, int bytesMax, Patience patience) throws IOException {
        clear();
        if (announcedBytes > bytesMax) {
            throw tooLarge(bytesMax);
        }
        makeRoom(announcedBytes < 0 ? Math.min(FIRST_BYTES, bytesMax) : (int) announcedBytes);
        while (lengthBytes != announcedBytes) {
            patience.require();
            if (lengthBytes == bytes.length) {
                makeRoom((int) Math.min(2L * Math.max(FIRST_BYTES, lengthBytes), bytesMax + 1L));
            }
            int count = from.read(bytes, lengthBytes, bytes.length - lengthBytes);
            if (count < 0) {
                break;
            }
            lengthBytes += count;
            if (lengthBytes > bytesMax) {
                throw tooLarge(bytesMax);
            }
        }
        if (lengthBytes < announcedBytes) {
            throw new IOException("the answer ended after " + lengthBytes + " of " + announcedBytes + " bytes");
        }
    }

    private void makeRoom(int roomBytes) {
        if (bytes.length < roomBytes) {
            bytes = Arrays.copyOf(bytes, roomBytes);
        }
    }

    private static StoreException tooLarge(int bytesMax) {
        return new StoreException(Fault.TOO_LARGE, "a reply of more than " + bytesMax + " bytes");
    }
}
