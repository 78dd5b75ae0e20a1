package cairn.server.storage;

import java.util.List;
import java.util.OptionalLong;

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
    void putAll(List<Row> rows);

    /** How many rows of a kind there are, in all domains; see {@link ItemKey#kind}. */
    long count(int kind);

    /** Bytes on disk. */
    long storedBytes();
}
