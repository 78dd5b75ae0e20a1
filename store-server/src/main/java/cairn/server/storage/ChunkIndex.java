package cairn.server.storage;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** Finds an item's ordinal, apart from the data, so that asking whether an item exists reads no data. */
public interface ChunkIndex {
    /** One item's place. */
    record Row(DomainId domain, ItemKey key, long ordinal) {}

    /** The item's ordinal. @throws cairn.StoreException CORRUPT, naming the key, if the row is damaged */
    OptionalLong find(DomainId domain, ItemKey key);

    /**
     * Adds rows, all or none; a row replaces an earlier one of the same domain and key, and none comes twice. They
     * survive a crash at the latest when a later {@linkplain Catalog#commit commit} has returned, and never without the
     * data that was sealed before.
     *
     * @throws cairn.StoreException NO_SPACE if the disk is full
     */
    default void putAll(List<Row> rows) {
        putAll(rows, List.of());
    }

    /** Where the children of the page at an ordinal lie. */
    record Children(long pageOrdinal, PageChildren children) {}

    /** As {@link #putAll(List)}, and with the rows what is said of pages' children. */
    void putAll(List<Row> rows, List<Children> children);

    /**
     * Where the children of a page lie; empty for a page that was put by a version that did not keep it.
     *
     * @throws cairn.StoreException CORRUPT if the record is damaged
     */
    Optional<PageChildren> children(long pageOrdinal);

    /** As {@link #removeAll(List, List)}, where no page is among the rows, or is left elsewhere. */
    default int removeAll(List<Row> rows) {
        return removeAll(rows, List.of());
    }

    /**
     * Removes those of some rows that still have this ordinal, and what is said of the children of pages. All of it
     * survives together or goes together, and what is removed by an earlier call goes no later; it needs no free space
     * to speak of.
     *
     * @param pageOrdinals pages that no row names then
     * @return how many rows were removed
     */
    int removeAll(List<Row> rows, List<Long> pageOrdinals);

    /**
     * Visits all rows of a kind, of all domains, as they are at one moment. The visitor asks nothing of this index
     * meanwhile.
     */
    void forEach(int kind, Consumer<Row> visitor);

    /** How many rows of a kind there are, in all domains; see {@link ItemKey#kind}. */
    long count(int kind);

    /** Bytes on disk. */
    long storedBytes();
}
