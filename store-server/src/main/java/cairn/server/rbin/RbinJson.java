package cairn.server.rbin;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Instant;

/** The API's JSON: members begin with capitals, times are seconds since 1970, with a fraction. */
final class RbinJson {
    static final String TYPE = "application/json";

    private static final int MILLIS_DIGITS = 3;
    /** Members that are not known here are passed over: newer clients may send more. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.UPPER_CAMEL_CASE)
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.USE_DEFAULTS))
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .build();

    private RbinJson() {}

    static byte[] encode(Object message) {
        try {
            return JSON.writeValueAsBytes(message);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("messages can always be written", e);
        }
    }

    /** @throws RbinFailure ValidationException for anything but a JSON object with members of the right types */
    static <T> T decode(byte[] body, Class<T> type) {
        try {
            T read = JSON.readValue(body, type);
            if (read != null) {
                return read;
            }
        } catch (JsonProcessingException e) {
            throw RbinFailure.invalid("the body is no such JSON object: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw RbinFailure.invalid("the body is no JSON: " + e.getMessage());
        }
        throw RbinFailure.invalid("the body is no JSON object");
    }

    static BigDecimal time(Instant time) {
        return BigDecimal.valueOf(time.toEpochMilli(), MILLIS_DIGITS);
    }
}
