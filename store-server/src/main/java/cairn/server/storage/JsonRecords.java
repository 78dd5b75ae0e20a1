package cairn.server.storage;

import cairn.Fault;
import cairn.StoreException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;

/** Catalog values as JSON objects, one Java record for each kind; docs/formats.md lists them. */
public final class JsonRecords {
    private static final ObjectMapper JSON = new ObjectMapper();

    private JsonRecords() {}

    public static byte[] encode(Record value) {
        try {
            return JSON.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a record can always be written", e);
        }
    }

    /** @throws StoreException CORRUPT, naming the key, if the value is no such record */
    public static <T extends Record> T decode(Catalog.Entry entry, Class<T> type) {
        try {
            return JSON.readValue(entry.value(), type);
        } catch (IOException e) {
            throw new StoreException(Fault.CORRUPT, "record " + entry.key() + " is no " + type.getSimpleName(), e);
        }
    }
}
