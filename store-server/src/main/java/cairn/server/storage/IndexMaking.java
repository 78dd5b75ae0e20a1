package cairn.server.storage;

/** What it takes to make an index anew, with nobody else at the storage. */
public interface IndexMaking {
    /** Forgets all rows of the index and all that is said of pages' children, also what cannot be read. */
    void clearIndex();

    /** An empty list, apart from all that is kept. @throws cairn.StoreException NO_SPACE as it grows */
    ItemPlaces newPlaces();
}
