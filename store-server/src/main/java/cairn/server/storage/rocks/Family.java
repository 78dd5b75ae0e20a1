package cairn.server.storage.rocks;

import static java.nio.charset.StandardCharsets.US_ASCII;

/** The database's column families. */
enum Family {
    DEFAULT("default"),
    CHUNKS("chunks"),
    CHUNK_INDEX("chunk-index"),
    CATALOG("catalog"),
    VOLUME_BLOCKS("volume-blocks"),
    VOLUME_STATES("volume-states"),
    PENDING_BLOCKS("pending-blocks"),
    SETTLED("settled"),
    QUICK("quick"),
    HEALED("healed"),
    PAGE_CHILDREN("page-children");

    private final String storedName;

    Family(String storedName) {
        this.storedName = storedName;
    }

    byte[] storedName() {
        return storedName.getBytes(US_ASCII);
    }
}
