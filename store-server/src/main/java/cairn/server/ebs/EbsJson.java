package cairn.server.ebs;

import static cairn.server.ebs.EbsFailure.Reason.INVALID_PARAMETER_VALUE;

import cairn.server.http.HttpReply;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Map;

/** The API's JSON: times are seconds since 1970, with a fraction. */
final class EbsJson {
    static final String TYPE = "application/json";

    private static final int MILLIS_DIGITS = 3;
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private EbsJson() {}

    /** @param members in the order in which they are written; times by {@link #time} */
    static byte[] encode(Map<String, Object> members) {
        try {
            return JSON.writeValueAsBytes(members);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("maps of strings and numbers can always be written", e);
        }
    }

    static HttpReply reply(int status, Map<String, Object> members) {
        return new HttpReply(status, TYPE, encode(members), Map.of());
    }

    static BigDecimal time(Instant time) {
        return BigDecimal.valueOf(time.toEpochMilli(), MILLIS_DIGITS);
    }

    /** @throws EbsFailure ValidationException if the body is no JSON object */
    static JsonNode object(byte[] body) {
        JsonNode read;
        try {
            read = JSON.readTree(body);
        } catch (IOException e) {
            throw EbsFailure.invalid(INVALID_PARAMETER_VALUE, "the body is no JSON, or has a member twice");
        }
        if (read == null || !read.isObject()) {
            throw EbsFailure.invalid(INVALID_PARAMETER_VALUE, "the body is no JSON object");
        }
        return read;
    }
}
