package cairn.sigv4;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * Access keys in AWS's shared credentials file:
 * <pre>
 *   # a comment
 *   [default]
 *   aws_access_key_id = AKIDEXAMPLE
 *   aws_secret_access_key = ...
 * </pre>
 * Other settings are passed over, except session tokens, which Cairn does not know.
 */
public final class CredentialsFile {
    public static final String DEFAULT_PROFILE = "default";
    public static final int SIZE_BYTES_MAX = 1 << 20;

    private static final String ID = "aws_access_key_id";
    private static final String SECRET = "aws_secret_access_key";
    private static final String TOKEN = "aws_session_token";

    private CredentialsFile() {}

    /**
     * Reads the access key of a profile.
     *
     * @throws StoreException NOT_FOUND if there is no such file or profile, INVALID_REQUEST if it does not hold
     *     a whole access key, or holds one twice; never with a secret in its message
     * @throws IOException if the file can not be read
     */
    public static Credentials read(Path file, String profile) throws IOException {
        Map<String, Map<String, String>> profiles = parse(file, text(file));
        Map<String, String> settings = profiles.get(profile);
        if (settings == null) {
            throw new StoreException(
                    Fault.NOT_FOUND,
                    "credentials file " + file + " has no profile [" + Text.shown(profile) + "], only "
                            + Text.shown(profiles.keySet().toString()));
        }
        if (settings.containsKey(TOKEN)) {
            throw invalid(file, "profile [" + profile + "] has an " + TOKEN + ", which is not known here");
        }
        return new Credentials(setting(file, profile, settings, ID), setting(file, profile, settings, SECRET));
    }

    private static String text(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file, READ)) {
            byte[] bytes = in.readNBytes(SIZE_BYTES_MAX + 1);
            if (bytes.length > SIZE_BYTES_MAX) {
                throw invalid(file, "is larger than " + SIZE_BYTES_MAX + " bytes");
            }
            return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (NoSuchFileException e) {
            throw new StoreException(Fault.NOT_FOUND, "there is no credentials file " + file, e);
        } catch (CharacterCodingException e) {
            throw invalid(file, "is not text in UTF-8");
        }
    }

    /** Settings by profile. */
    private static Map<String, Map<String, String>> parse(Path file, String text) {
        Map<String, Map<String, String>> profiles = new LinkedHashMap<>();
        Map<String, String> settings = null;
        int lineNumber = 0;
        for (String rawLine : text.split("\n", -1)) {
            lineNumber++;
            String line = withoutComment(rawLine);
            if (line.isEmpty()) {
                continue;
            }
            if (line.startsWith("[")) {
                settings = new LinkedHashMap<>();
                if (!line.endsWith("]")) {
                    throw invalid(file, "line " + lineNumber + ": a profile's name stands in brackets");
                }
                if (profiles.put(line.substring(1, line.length() - 1).strip(), settings) != null) {
                    throw invalid(file, "line " + lineNumber + ": profile " + Text.shown(line) + " comes twice");
                }
                continue;
            }
            int equalsAt = line.indexOf('=');
            if (equalsAt < 1 || settings == null) {
                // The line is not shown: it may be a secret that lost its name.
                throw invalid(file, "line " + lineNumber + " is neither [profile], nor \"name = value\" below one");
            }
            String name = line.substring(0, equalsAt).strip();
            if (settings.put(name, line.substring(equalsAt + 1).strip()) != null && Set.of(ID, SECRET).contains(name)) {
                throw invalid(file, "line " + lineNumber + ": a second " + name + " in one profile");
            }
        }
        return profiles;
    }

    private static String withoutComment(String rawLine) {
        String line = rawLine.strip();
        return line.startsWith("#") || line.startsWith(";") ? "" : line.replaceFirst("\\s[#;].*$", "").strip();
    }

    private static String setting(Path file, String profile, Map<String, String> settings, String name) {
        String value = settings.getOrDefault(name, "");
        if (value.isEmpty()) {
            throw invalid(file, "profile [" + profile + "] has no " + name);
        }
        return value;
    }

    private static StoreException invalid(Path file, String what) {
        return new StoreException(Fault.INVALID_REQUEST, "credentials file " + file + ": " + what);
    }

    /**
     * Creates a file of one profile, readable by its owner alone from its first byte on. It is there whole or, after a
     * crash, not at all.
     *
     * @param profile letters, digits, {@code _} and {@code -}
     * @throws StoreException CONFLICT if the file exists, which is then left alone; INVALID_REQUEST for another name
     */
    public static void create(Path file, String profile, Credentials credentials) throws IOException {
        if (!profile.matches("[A-Za-z0-9_-]+")) {
            throw invalid(file, "\"" + Text.shown(profile) + "\" can not be a profile's name");
        }
        String text = "[" + profile + "]\n" + ID + " = " + credentials.accessKeyId() + "\n" + SECRET + " = "
                + credentials.secretAccessKey() + "\n";
        Path folder = file.toAbsolutePath().getParent();
        Path unfinished = folder.resolve("." + file.getFileName() + "." + UUID.randomUUID());
        try {
            write(unfinished, text.getBytes(UTF_8));
            // A link, unlike a rename, never replaces a file that is already there.
            Files.createLink(file, unfinished);
        } catch (FileAlreadyExistsException e) {
            throw new StoreException(Fault.CONFLICT, "credentials file " + file + " exists already", e);
        } finally {
            Files.deleteIfExists(unfinished);
        }
        try (FileChannel names = FileChannel.open(folder, READ)) {
            names.force(true);
        }
    }

    private static void write(Path file, byte[] bytes) throws IOException {
        var ownerOnly = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
        try (FileChannel channel = FileChannel.open(file, Set.of(CREATE_NEW, WRITE), ownerOnly)) {
            ByteBuffer left = ByteBuffer.wrap(bytes);
            while (left.hasRemaining()) {
                channel.write(left);
            }
            channel.force(true);
        }
    }
}
