package cairn.server.storage;

import java.util.OptionalLong;

/** Where items lie, by their names: as many as there may be, for a while. For one thread. */
public interface ItemPlaces extends AutoCloseable {
    /** Remembers a place, instead of another of the same item. */
    void put(ItemKey key, long ordinal);

    OptionalLong find(ItemKey key);

    /** Forgets everything, and gives back what it takes. */
    @Override
    void close();
}
