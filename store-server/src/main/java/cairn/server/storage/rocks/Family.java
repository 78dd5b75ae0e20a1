package cairn.server.storage.rocks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.Arrays;
import org.rocksdb.LiveFileMetaData;

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

    /** The family that a file of the database is part of. */
    static Family of(LiveFileMetaData file) {
        String name = new String(file.columnFamilyName(), US_ASCII);
        return Arrays.stream(values()).filter(family -> family.storedName.equals(name)).findFirst().orElseThrow();
    }

    String shown() {
        return storedName;
    }

    byte[] storedName() {
        return storedName.getBytes(US_ASCII);
    }
}
