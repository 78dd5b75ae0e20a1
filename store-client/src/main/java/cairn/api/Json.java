package cairn.api;

import cairn.Fault;
import cairn.StoreException;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Messages as JSON: member names are those of the records, empty optional members are left out. */
public final class Json {
    /** What reads and writes messages: unknown, missing and null members are errors of the reader's making. */
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS))
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .build();

    private Json() {}

    public static byte[] encode(Object message) {
        return text(message).getBytes(StandardCharsets.UTF_8);
    }

    public static String text(Object message) {
        try {
            return MAPPER.writeValueAsString(message);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + message.getClass(), e);
        }
    }

    /** Over several lines, for people. */
    public static String pretty(Object message) {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(message);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + message.getClass(), e);
        }
    }

    /** @throws StoreException INVALID_REQUEST, naming the message and the member, if it is not such a message */
    public static <T> T decode(byte[] json, Class<T> type) {
        try {
            T message = MAPPER.readValue(json, type);
            if (message == null) {
                throw new StoreException(Fault.INVALID_REQUEST, type.getSimpleName() + " is null");
            }
            return message;
        } catch (JsonProcessingException e) {
            if (Fault.of(e.getCause() == null ? e : e.getCause()) == Fault.INVALID_REQUEST) {
                throw new StoreException(Fault.INVALID_REQUEST, e.getCause().getMessage(), e);
            }
            throw new StoreException(
                    Fault.INVALID_REQUEST, "this is no " + type.getSimpleName() + ": " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new IllegalStateException("reading from memory", e);
        }
    }
}
