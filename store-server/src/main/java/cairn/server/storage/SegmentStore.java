package cairn.server.storage;

import java.util.List;

/**
 * Keeps items in the order in which they arrive, each under the ordinal that it is given.
 *
 * <p>One thread at a time appends, seals or abandons; any number may read. What was appended can be read once
 * {@link #seal} has returned, and from then on survives a crash at the latest when a later
 * {@linkplain Catalog#commit commit} has returned. Whoever reads gets the item that was stored or an exception, never
 * other bytes. Every method throws a {@link cairn.StoreException} SHUTTING_DOWN once the storage is closed.
 */
public interface SegmentStore {
    /** The longest packed item that is taken. */
    int ITEM_BYTES_MAX = 128 * 1024;

    /** An item as it was read. */
    record Item(long ordinal, ItemKey key, byte[] packed) {}

    /**
     * Adds an item to the open segment, or begins one.
     *
     * @return its {@linkplain Ordinal ordinal}, greater than every ordinal given before, in this run or an earlier one
     * @throws cairn.StoreException NO_SPACE if the disk is full; then only {@link #abandon} makes sense. TOO_LARGE
     *     for more than {@link #ITEM_BYTES_MAX} bytes, INVALID_REQUEST for none, or where the segment already holds
     *     {@link Ordinal#SLOTS_MAX} items
     */
    long append(ItemKey key, byte[] packed, int offset, int lengthBytes);

    /** How many packed bytes the open segment holds: what {@link #seal} would make readable. */
    long openBytes();

    /**
     * Ends the open segment and makes it readable. Does nothing where nothing was appended.
     *
     * @throws cairn.StoreException NO_SPACE if the disk is full; then only {@link #abandon} makes sense
     */
    void seal();

    /** Forgets the open segment and gives its space back. */
    void abandon();

    /**
     * Reads a packed item.
     *
     * @throws cairn.StoreException CORRUPT if what is stored is not the item {@code key}, is damaged, or is not there
     */
    byte[] read(long ordinal, ItemKey key);

    /**
     * Reads the items of a range of ordinals in order, which is far cheaper than one by one. Gaps between ordinals are
     * passed over. It ends before the range does once it holds {@code bytesMax} packed bytes, or before a damaged item;
     * ask again from the last ordinal + 1. Empty only where the range holds nothing more.
     *
     * @param fromOrdinal the first ordinal
     * @param untilOrdinal the ordinal after the last
     * @param bytesMax at least 1; the last item may exceed it
     * @throws cairn.StoreException CORRUPT if the first item of the range is damaged
     */
    List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax);

    /** Bytes on disk of all sealed segments, everything counted. */
    long storedBytes();

    /**
     * The number of the segment that is open, or else of the next: all of lower numbers are sealed, or were abandoned.
     */
    long openSegment();

    /**
     * What lies together on the disk: a segment as it was written, small ones that share a file, or what is left of
     * some after {@link #rewrite}. Extents do not overlap.
     *
     * @param firstOrdinal of its first item
     * @param lastOrdinal of its last item
     * @param items how many it has, whether anything refers to them or not
     * @param storedBytes on the disk, everything counted
     * @param isSettled whether it was rewritten by {@link Rewriting#isSettling}
     */
    record Extent(long firstOrdinal, long lastOrdinal, long items, long storedBytes, boolean isSettled) {}

    /** All sealed extents, in ascending order. */
    List<Extent> extents();

    /** How extents are rewritten. Called by one thread; what it throws ends the rewriting, and nothing has changed. */
    interface Rewriting {
        /** Whether an item is kept. Of the others nothing can be read any more. */
        boolean isLive(long ordinal);

        /** Whether a chunk must stay quick to read by itself, though it takes more space. Pages always do. */
        boolean isQuick(long ordinal);

        /** Whether chunks are to be packed as small as may be, neighbours together; otherwise they stay as they are. */
        boolean isSettling();

        /** Told how many bytes were read or written since it was last told; may wait, so that others come first. */
        void used(long bytes);
    }

    /**
     * Rewrites neighbouring extents without the items that are not live; where none is left, their files go whole.
     * Items keep their ordinals, and those that are kept can be read all the while. A crash leaves it done or not, or
     * in between with everything that is live; then it is done again, or finished when the storage is next opened.
     *
     * @param extents as {@link #extents} has them, either all settled or none, with no other extent between them
     * @return how many bytes less the segments take on the disk; negative if it is more
     * @throws cairn.StoreException CORRUPT, naming it, if an item that is live cannot be read, and NO_SPACE; then
     *     nothing has changed
     */
    long rewrite(List<Extent> extents, Rewriting how);

    /**
     * Puts an intact item in place of one that is damaged or lost, so that it can be read at its ordinal again.
     * Survives a crash as what was {@linkplain #seal sealed} does.
     *
     * @throws cairn.StoreException NO_SPACE
     */
    void heal(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes);
}
