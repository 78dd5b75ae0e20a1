package cairn.api;

import static cairn.Fault.INVALID_REQUEST;

import cairn.Digest;
import cairn.StoreException;
import cairn.tree.PageId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The question which pages of level 0 a store has, by their ids alone, and its answer: of a disk that is like another
 * one, 32 bytes stand for 16 MiB.
 * <pre>
 *   question   32 bytes for each page: its id; 1 to {@link Api#KNOWN_IDS_MAX} of them
 *   answer     bit i of byte j is 1: the store has page 8 j + i, and so all its chunks; bits behind the last page are 0
 * </pre>
 */
public final class Known {
    private Known() {}

    public static byte[] encodeQuestion(List<PageId> pages) {
        requireCount(pages.size());
        byte[] bytes = new byte[pages.size() * Digest.SIZE_BYTES];
        for (int i = 0; i < pages.size(); i++) {
            pages.get(i).digest().write(bytes, i * Digest.SIZE_BYTES);
        }
        return bytes;
    }

    /** @throws StoreException INVALID_REQUEST for another length, and for an id that is of no page */
    public static List<PageId> decodeQuestion(byte[] bytes) {
        if (bytes.length % Digest.SIZE_BYTES != 0) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a question for known pages is ids of " + Digest.SIZE_BYTES + " bytes, not " + bytes.length + " bytes");
        }
        int count = bytes.length / Digest.SIZE_BYTES;
        requireCount(count);
        List<PageId> pages = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            PageId page = new PageId(0, Digest.read(bytes, i * Digest.SIZE_BYTES));
            if (page.isAbsent()) {
                throw new StoreException(INVALID_REQUEST, "id " + i + " is zero, which is no page's");
            }
            pages.add(page);
        }
        return pages;
    }

    private static void requireCount(int pages) {
        if (pages < 1 || pages > Api.KNOWN_IDS_MAX) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a question for known pages has 1 to " + Api.KNOWN_IDS_MAX + " ids, not " + pages);
        }
    }

    public static int answerBytes(int pages) {
        return (pages + Byte.SIZE - 1) / Byte.SIZE;
    }

    /** @param pages that were asked for */
    public static byte[] encodeAnswer(BitSet known, int pages) {
        return Arrays.copyOf(known.toByteArray(), answerBytes(pages));
    }

    /** @throws StoreException INVALID_REQUEST if it is no answer to so many pages */
    public static BitSet decodeAnswer(byte[] bytes, int pages) {
        BitSet known = BitSet.valueOf(bytes);
        if (bytes.length != answerBytes(pages) || known.length() > pages) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "the answer to " + pages + " pages has " + bytes.length + " bytes, or too many bits");
        }
        return known;
    }
}
