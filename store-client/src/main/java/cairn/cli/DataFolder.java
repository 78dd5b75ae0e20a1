package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.api.DefaultDataFolder;
import java.io.IOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A server's data folder, of which a client on the same machine reads where the server listens, and the first key. */
record DataFolder(Path path) {
    private static final int ENDPOINT_BYTES_MAX = 64 * 1024;

    /** The one that {@code cairn serve} takes when it is not given another. */
    static DataFolder usual(Terminal terminal) {
        return new DataFolder(DefaultDataFolder.of(terminal::variable, terminal.home()));
    }

    Path endpointFile() {
        return path.resolve("endpoint");
    }

    Path credentialsFile() {
        return path.resolve("credentials");
    }

    /** Where the server listens or last listened; empty if none has run here. */
    Optional<URI> httpEndpoint() {
        try {
            if (Files.size(endpointFile()) > ENDPOINT_BYTES_MAX) {
                throw new StoreException(
                        Fault.INVALID_REQUEST, endpointFile() + " is no endpoint file; it is too long");
            }
            return Optional.of(readyLine(Files.readString(endpointFile()), endpointFile().toString()).get("http"))
                    .map(URI::create);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (AccessDeniedException e) {
            throw new StoreException(
                    Fault.FORBIDDEN, "no permission to read " + endpointFile() + "; give --endpoint instead", e);
        } catch (IOException | IllegalArgumentException e) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "cannot read " + endpointFile() + ": " + Text.shown(String.valueOf(e.getMessage())),
                    e);
        }
    }

    /**
     * Takes apart what a server prints when it is ready: {@code ready http=URL nbd=URI}, perhaps with more of that
     * kind.
     *
     * @param from where the line was found, for the message
     * @throws StoreException INVALID_REQUEST for another line, or one without {@code http}
     */
    static Map<String, String> readyLine(String line, String from) {
        String[] words = line.strip().split("\\s+");
        Map<String, String> values = new LinkedHashMap<>();
        for (int i = 1; i < words.length; i++) {
            int equalsAt = words[i].indexOf('=');
            if (equalsAt > 0) {
                values.put(words[i].substring(0, equalsAt), words[i].substring(equalsAt + 1));
            }
        }
        if (!words[0].equals("ready") || !values.containsKey("http")) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    from + " should say \"ready http=URL nbd=URI\", not \"" + Text.shown(line.strip()) + '"');
        }
        return values;
    }
}
