package cairn.sigv4;

import cairn.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * An HTTP request as far as a signature covers it.
 *
 * <p>Method, path, query, and header names and values are <b>wire texts</b>: one char, at most U+00FF, for each byte
 * that is or was sent. That is how Netty hands over what it decodes, so a server passes its strings unchanged. AWS
 * signs text in UTF-8: a client with a header value beyond ASCII passes, and sends, the UTF-8 bytes
 * ({@code new String(value.getBytes(UTF_8), ISO_8859_1)}). Path and query come percent-encoded as on the wire and
 * are never decoded by the caller; beyond ASCII they hold escapes of UTF-8 bytes, as {@code URI.toASCIIString} makes
 * them.
 *
 * @param path begins with a slash, or is empty, which means {@code /}
 * @param query without its question mark; null and empty mean the same, and empty is kept
 * @param headers in the order of the wire, names in any case and repeated as they are; to be signed, {@code host} must
 *     be among them, exactly as it will be sent, with its port where that is sent
 * @param payloadHash of the body, see {@link PayloadHash}; null, in a request to be verified only, if the body has not
 *     been read: that will do if the request {@linkplain #declaresPayload() says itself} what its body's hash is
 * @throws SigV4Exception MALFORMED_REQUEST if a text is no wire text, or the path holds a question mark
 */
public record SignableRequest(String method, String path, String query, List<Header> headers, String payloadHash) {
    static final String CONTENT_HASH_HEADER = "x-amz-content-sha256";
    static final String CONTENT_HASH_PARAMETER = "X-Amz-Content-Sha256";

    /** One line of a request's head. */
    public record Header(String name, String value) {
        public Header {
            Wire.requireBytes(name, "header name");
            Wire.requireBytes(value, "value of header " + name);
        }
    }

    public SignableRequest {
        query = query == null ? "" : query;
        headers = List.copyOf(headers);
        if (method.isEmpty() || !method.chars().allMatch(c -> Wire.isLetterOrDigit(c) || c == '-' || c == '_')) {
            throw new SigV4Exception(SigV4Fault.MALFORMED_REQUEST, "\"" + Text.shown(method) + "\" is no HTTP method");
        }
        Wire.requireBytes(path, "path");
        Wire.requireBytes(query, "query");
        if (path.indexOf('?') >= 0 || !path.isEmpty() && path.charAt(0) != '/') {
            throw new SigV4Exception(
                    SigV4Fault.MALFORMED_REQUEST,
                    "a path begins with a slash and ends before the query, unlike \"" + Text.shown(path) + '"');
        }
        if (payloadHash != null && !payloadHash.equals(PayloadHash.UNSIGNED) && !PayloadHash.isHash(payloadHash)) {
            throw new SigV4Exception(
                    SigV4Fault.PAYLOAD_HASH_MALFORMED,
                    "a payload hash is 64 lower-case hexadecimal digits or " + PayloadHash.UNSIGNED + ", not \""
                            + Text.shown(payloadHash) + '"');
        }
    }

    /**
     * Whether the request says what its body's hash is, so that it can be verified before the body has come. Clients
     * may leave it out (the AWS command line does, except for unsigned bodies); then the body has to be hashed first.
     *
     * @throws SigV4Exception MALFORMED_REQUEST or LIMIT_EXCEEDED if the query can not be read
     */
    public boolean declaresPayload() {
        return headers.stream().anyMatch(header -> header.name().equalsIgnoreCase(CONTENT_HASH_HEADER))
                || QueryParameters.parse(query).has(CONTENT_HASH_PARAMETER);
    }

    /** The same request, with its body's hash. */
    public SignableRequest withPayloadHash(String hash) {
        return new SignableRequest(method, path, query, headers, hash);
    }

    /** Values by name, in lower case and in the order of names; the values of one name in the order of the wire. */
    public SortedMap<String, List<String>> headersByName() {
        SortedMap<String, List<String>> byName = new TreeMap<>();
        for (Header header : headers) {
            byName.computeIfAbsent(header.name().toLowerCase(Locale.ROOT), name -> new ArrayList<>(1))
                    .add(header.value());
        }
        return byName;
    }
}
