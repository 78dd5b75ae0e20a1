package cairn.disk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The numbers in an image file's tables, read through a cache of the file's pages whose size is fixed: however large a
 * file says its tables are, nothing is allocated for them. For several threads.
 */
final class TablePages {
    private static final int PAGE_BYTES = 4096;
    /** 16 MiB: with clusters of 64 KiB the tables of 128 GiB in qcow2, of 256 GiB in VMDK. */
    private static final int PAGES_MAX = 4096;

    private final DiskFile file;
    private final ByteOrder order;
    /** By page number, least recently used first. Guarded by this. */
    private final Map<Long, ByteBuffer> pages = new LinkedHashMap<>(16, 0.75f, true);

    TablePages(DiskFile file, ByteOrder order) {
        this.file = file;
        this.order = order;
    }

    /** The byte at a place that the file has, unsigned. */
    int uint8At(long fileOffset) {
        return page(fileOffset).get(inPage(fileOffset)) & 0xff;
    }

    /** The number at a place that the file has, a multiple of 4. */
    long uint32At(long fileOffset) {
        return page(fileOffset).getInt(inPage(fileOffset)) & 0xffff_ffffL;
    }

    /** The number at a place that the file has, a multiple of 8. */
    long int64At(long fileOffset) {
        return page(fileOffset).getLong(inPage(fileOffset));
    }

    private static int inPage(long fileOffset) {
        return (int) (fileOffset % PAGE_BYTES);
    }

    /** Read while the lock is held, so that nobody reads a page twice. */
    private synchronized ByteBuffer page(long fileOffset) {
        Long number = fileOffset / PAGE_BYTES;
        ByteBuffer page = pages.get(number);
        if (page == null) {
            byte[] bytes = new byte[PAGE_BYTES];
            file.readUpToEnd(number * PAGE_BYTES, bytes);
            page = ByteBuffer.wrap(bytes).order(order);
            pages.put(number, page);
            if (pages.size() > PAGES_MAX) {
                pages.remove(pages.keySet().iterator().next());
            }
        }
        return page;
    }
}
