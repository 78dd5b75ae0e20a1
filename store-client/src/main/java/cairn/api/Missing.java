package cairn.api;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.tree.Page;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The answer to pages of level 0: which of them, and of their chunks, the store lacks. 33 bytes for each page:
 * <pre>
 *   offset  size  field
 *        0     1  1: the store has the page, and so all its chunks; 0: it lacks the page
 *        1    32  bit i of byte j is 1: chunk 8 j + i is missing
 * </pre>
 *
 * @param isPageKnown then nothing is missing
 */
public record Missing(boolean isPageKnown, BitSet chunks) {
    public static final int SIZE_BYTES = 1 + Page.CHILDREN / 8;

    public static byte[] encode(List<Missing> answers) {
        byte[] bytes = new byte[SIZE_BYTES * answers.size()];
        int at = 0;
        for (Missing answer : answers) {
            bytes[at] = (byte) (answer.isPageKnown ? 1 : 0);
            byte[] bits = answer.chunks.toByteArray();
            System.arraycopy(bits, 0, bytes, at + 1, bits.length);
            at += SIZE_BYTES;
        }
        return bytes;
    }

    /** The answer to page {@code index}. @throws StoreException INVALID_REQUEST if it is not there */
    public static Missing decode(byte[] bytes, int index) {
        int at = SIZE_BYTES * index;
        if (bytes.length < at + SIZE_BYTES || bytes[at] < 0 || bytes[at] > 1) {
            throw new StoreException(INVALID_REQUEST, "the answer to page " + index + " is missing or malformed");
        }
        byte[] bits = Arrays.copyOfRange(bytes, at + 1, at + SIZE_BYTES);
        return new Missing(bytes[at] == 1, BitSet.valueOf(bits));
    }
}
