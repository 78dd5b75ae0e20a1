package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.client.StoreClient;
import cairn.image.Region;
import cairn.sigv4.Credentials;
import cairn.sigv4.CredentialsFile;
import java.io.IOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** Which store, and with which access key: the options, else the environment, else what a server here has written. */
final class StoreOptions {
    @Option(
            names = "--endpoint",
            paramLabel = "URL",
            description = "the server, http://HOST:PORT (else CAIRN_ENDPOINT, else what a server on this machine wrote)")
    private String endpoint;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "data folder of a server on this machine, to find its endpoint and key in")
    private Path data;

    @Option(
            names = "--region",
            paramLabel = "NAME",
            description = "where to look and to make things (else CAIRN_REGION, AWS_REGION, AWS_DEFAULT_REGION, local)")
    private Region region;

    /** An access key and where it was found. */
    record Key(Credentials credentials, String origin) {}

    StoreClient connect(Terminal terminal) {
        return new StoreClient(
                endpoint(terminal), key(terminal).credentials(), region(terminal), StoreClient.Limits.usual());
    }

    private Region region(Terminal terminal) {
        if (region != null) {
            return region;
        }
        for (String variable : List.of("CAIRN_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")) {
            if (!terminal.variable(variable).isEmpty()) {
                return region(variable, terminal.variable(variable));
            }
        }
        return Region.LOCAL;
    }

    private static Region region(String variable, String name) {
        try {
            return new Region(name);
        } catch (StoreException e) {
            throw new StoreException(e.fault(), variable + ": " + e.getMessage(), e);
        }
    }

    URI endpoint(Terminal terminal) {
        if (endpoint != null) {
            return parse(endpoint, "--endpoint");
        }
        String variable = terminal.variable("CAIRN_ENDPOINT");
        if (data == null && !variable.isEmpty()) {
            return parse(variable, "CAIRN_ENDPOINT");
        }
        DataFolder folder = folder(terminal);
        return folder.httpEndpoint()
                .orElseThrow(() -> new StoreException(
                        Fault.UNAVAILABLE,
                        "no server is known: there is no " + folder.endpointFile()
                                + "; start one with `cairn serve`, or give --endpoint URL or set CAIRN_ENDPOINT"));
    }

    private static URI parse(String url, String origin) {
        try {
            return URI.create(url.strip());
        } catch (IllegalArgumentException e) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    origin + " is \"" + Text.shown(url) + "\", which is no URL (expecting http://HOST:PORT)",
                    e);
        }
    }

    Key key(Terminal terminal) {
        String id = terminal.variable("AWS_ACCESS_KEY_ID");
        String secret = terminal.variable("AWS_SECRET_ACCESS_KEY");
        if (!id.isEmpty() && !secret.isEmpty()) {
            return new Key(new Credentials(id, secret), "AWS_ACCESS_KEY_ID");
        }
        if (!id.isEmpty() || !secret.isEmpty()) {
            throw new StoreException(
                    Fault.UNAUTHENTICATED,
                    (id.isEmpty() ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID") + " is set without "
                            + (id.isEmpty() ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY") + "; set both or neither");
        }
        String file = terminal.variable("AWS_SHARED_CREDENTIALS_FILE");
        String profile = terminal.variable("AWS_PROFILE");
        return file.isEmpty()
                ? read(folder(terminal).credentialsFile(), CredentialsFile.DEFAULT_PROFILE)
                : read(Path.of(file), profile.isEmpty() ? CredentialsFile.DEFAULT_PROFILE : profile);
    }

    private static Key read(Path file, String profile) {
        try {
            return new Key(CredentialsFile.read(file, profile), file.toString());
        } catch (AccessDeniedException e) {
            throw new StoreException(
                    Fault.UNAUTHENTICATED,
                    "no permission to read " + file
                            + "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key of your own",
                    e);
        } catch (IOException e) {
            throw new StoreException(
                    Fault.UNAUTHENTICATED,
                    "cannot read " + file + ": " + Text.shown(String.valueOf(e.getMessage())), e);
        } catch (StoreException e) {
            if (e.fault() != Fault.NOT_FOUND) {
                throw e;
            }
            throw new StoreException(
                    Fault.UNAUTHENTICATED,
                    e.getMessage()
                            + "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE",
                    e);
        }
    }

    private DataFolder folder(Terminal terminal) {
        return data == null ? DataFolder.usual(terminal) : new DataFolder(data);
    }
}
