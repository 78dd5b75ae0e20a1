package cairn.sigv4;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import cairn.Digest;
import java.util.List;
import java.util.SortedMap;

/**
 * A request in the one form that both sides hash. Its text is
 * <pre>
 *   method
 *   path, see {@link PathForm}
 *   query, see {@link QueryParameters}
 *   name:value      a line for each signed header; values trimmed, runs of white space folded into one space, and
 *   ...             those of a repeated header joined with commas in their order
 *                   an empty line
 *   name;name...    of the signed headers, in lower case, ascending
 *   payload hash
 * </pre>
 *
 * @param headers the lines of the signed headers, each with its line feed
 */
record CanonicalRequest(
        String method, String path, String query, String headers, String signedNames, String payloadHash) {

    /** @param signed values by lower-case name, of the headers to be signed and of no others */
    static CanonicalRequest of(
            SignableRequest request,
            PathForm pathForm,
            QueryParameters query,
            SortedMap<String, List<String>> signed,
            String payloadHash) {
        StringBuilder headers = new StringBuilder(256);
        signed.forEach((name, values) -> appendHeader(headers, name, values));
        return new CanonicalRequest(
                request.method(),
                pathForm.canonical(request.path()),
                query.canonical(),
                headers.toString(),
                String.join(";", signed.keySet()),
                payloadHash);
    }

    private static void appendHeader(StringBuilder headers, String name, List<String> values) {
        headers.append(name).append(':');
        for (int i = 0; i < values.size(); i++) {
            if (i > 0) {
                headers.append(',');
            }
            appendFolded(headers, values.get(i));
        }
        headers.append('\n');
    }

    private static void appendFolded(StringBuilder headers, String value) {
        boolean isAfterWord = false;
        boolean isAfterSpace = false;
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (isSpace(c)) {
                isAfterSpace = true;
                continue;
            }
            if (isAfterSpace && isAfterWord) {
                headers.append(' ');
            }
            headers.append(c);
            isAfterWord = true;
            isAfterSpace = false;
        }
    }

    private static boolean isSpace(char c) {
        return c == ' ' || c >= '\t' && c <= '\r';
    }

    String text() {
        return method + '\n' + path + '\n' + query + '\n' + headers + '\n' + signedNames + '\n' + payloadHash;
    }

    /** What is signed of it. */
    Digest digest() {
        return Digest.of(text().getBytes(ISO_8859_1));
    }
}
