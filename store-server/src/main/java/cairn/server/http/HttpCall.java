package cairn.server.http;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.Text;
import cairn.server.account.Caller;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A request whose signature has been verified.
 *
 * @param requestId names this request, in its answer and in the server's log
 * @param method in capitals
 * @param host as the request's Host header names this server, with its port where one is named
 * @param path decoded, without the query
 * @param query decoded parameters
 * @param headers by lower-case name, as they came
 * @param body all of it
 */
public record HttpCall(
        Caller caller,
        String requestId,
        String method,
        String host,
        String path,
        Map<String, List<String>> query,
        Map<String, List<String>> headers,
        byte[] body) {

    /** A query parameter. @throws StoreException INVALID_REQUEST if it comes twice */
    public Optional<String> find(String name) {
        return single("parameter", name, query.getOrDefault(name, List.of()));
    }

    /** A header, by its lower-case name. @throws StoreException INVALID_REQUEST if it comes twice */
    public Optional<String> findHeader(String name) {
        return single("header", name, headers.getOrDefault(name, List.of()));
    }

    private static Optional<String> single(String kind, String name, List<String> values) {
        if (values.size() > 1) {
            throw new StoreException(
                    INVALID_REQUEST, kind + ' ' + Text.shown(name) + " comes " + values.size() + " times");
        }
        return values.stream().findFirst();
    }

    /** A query parameter that must be there. @throws StoreException INVALID_REQUEST */
    public String read(String name) {
        return find(name).orElseThrow(() -> new StoreException(INVALID_REQUEST, "parameter " + name + " is missing"));
    }

    /** A number from 0 to a bound. @throws StoreException INVALID_REQUEST */
    public long readNumber(String name, long max) {
        String text = read(name);
        try {
            long number = Long.parseLong(text);
            if (number >= 0 && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below, like a number out of bounds.
        }
        throw new StoreException(
                INVALID_REQUEST, "parameter " + name + " is a number from 0 to " + max + ", not " + Text.shown(text));
    }

    /** @throws StoreException INVALID_REQUEST, naming it, if there is a parameter that is none of these */
    public void requireOnly(String... names) {
        for (String name : query.keySet()) {
            if (!name.startsWith("X-Amz-") && !List.of(names).contains(name)) {
                throw new StoreException(INVALID_REQUEST, "unknown parameter " + Text.shown(name));
            }
        }
    }
}
