package cairn.server.storage;

import cairn.Fault;
import cairn.StoreException;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;

/**
 * Catalog values as JSON objects, one Java record for each kind; docs/formats.md lists them. A member that is absent is
 * an empty {@code Optional}, or null: so that a record may get members that older ones have not.
 */
public final class JsonRecords {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .addModule(new Jdk8Module())
            .addModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .defaultPropertyInclusion(JsonInclude.Value.construct(
                    JsonInclude.Include.NON_ABSENT, JsonInclude.Include.USE_DEFAULTS))
            .build();

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
