package cairn.server.http;

import java.util.Map;

/** An answer. @param headers beside Content-Type and Content-Length */
public record HttpReply(int status, String contentType, byte[] body, Map<String, String> headers) {
    public static final HttpReply NO_CONTENT = new HttpReply(204, "", new byte[0], Map.of());

    public static HttpReply of(String contentType, byte[] body) {
        return new HttpReply(200, contentType, body, Map.of());
    }
}
