package cairn.sigv4;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CredentialsFileTest {
    @TempDir
    private Path folder;

    @Test
    void readsBackWhatItCreates() throws IOException {
        Path file = folder.resolve("credentials");

        CredentialsFile.create(file, CredentialsFile.DEFAULT_PROFILE, SigningCase.KEY);

        assertEquals(SigningCase.KEY, CredentialsFile.read(file, "default"));
        assertEquals(PosixFilePermissions.fromString("rw-------"), Files.getPosixFilePermissions(file));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(file), files.toList());
        }
    }

    @Test
    void leavesAFileAloneThatIsThere() throws IOException {
        Path file = folder.resolve("credentials");
        CredentialsFile.create(file, "default", SigningCase.KEY);

        StoreException refusal = assertThrows(
                StoreException.class,
                () -> CredentialsFile.create(file, "default", new Credentials("OTHER", "other")));

        assertEquals(Fault.CONFLICT, refusal.fault());
        assertEquals(SigningCase.KEY, CredentialsFile.read(file, "default"));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(file), files.toList());
        }
    }

    @Test
    void refusesANameThatWouldBreakTheFile() {
        Path file = folder.resolve("credentials");

        assertFault(Fault.INVALID_REQUEST, () -> CredentialsFile.create(file, "a]\n[b", SigningCase.KEY));
        assertFalse(Files.exists(file));
    }

    @Test
    void readsAFileAsPeopleWriteThem() throws IOException {
        Path file = write("""
                # keys of mine
                ; and of others

                [default]
                aws_access_key_id=ONE
                aws_secret_access_key=first+/secret=
                region = eu-north-1
                s3 =
                  addressing_style = path
                [ second ]\r
                \taws_access_key_id   =   TWO   # no comment of a key
                    aws_secret_access_key = second#secret
                [empty]
                """);

        assertEquals(new Credentials("ONE", "first+/secret="), CredentialsFile.read(file, "default"));
        assertEquals(new Credentials("TWO", "second#secret"), CredentialsFile.read(file, "second"));
    }

    @Test
    void namesTheFileAndTheProfileThatAreMissing() throws IOException {
        Path none = folder.resolve("none");
        Path file = write("[work]\naws_access_key_id = A\naws_secret_access_key = b\n");

        StoreException noFile = assertFault(Fault.NOT_FOUND, () -> CredentialsFile.read(none, "default"));
        StoreException noProfile = assertFault(Fault.NOT_FOUND, () -> CredentialsFile.read(file, "default"));

        assertTrue(noFile.getMessage().contains(none.toString()), noFile.getMessage());
        assertTrue(noProfile.getMessage().contains("[default], only [work]"), noProfile.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "[default]\n",
        "[default]\naws_access_key_id = A\n",
        "[default]\naws_access_key_id =\naws_secret_access_key = hidden\n",
        "[default]\naws_secret_access_key = hidden\n",
        "[default]\naws_access_key_id = A\naws_access_key_id = B\naws_secret_access_key = hidden\n",
        "[default]\naws_access_key_id = A\naws_secret_access_key = hidden\n[default]\n",
        "[default]\naws_access_key_id = A\naws_secret_access_key = hidden\naws_session_token = hidden\n",
        "[default]\naws_access_key_id = A B\naws_secret_access_key = hidden\n",
        "[default]\naws_access_key_id = A\naws_secret_access_key = hidden hidden\n",
        "[default]\naws_access_key_id = A\nhidden\n",
        "[default\naws_access_key_id = A\naws_secret_access_key = hidden\n",
        "aws_access_key_id = A\naws_secret_access_key = hidden\n"
    })
    void refusesWhatIsNoWholeKeyAndShowsNoSecret(String text) throws IOException {
        Path file = write(text);

        StoreException refusal = assertFault(Fault.INVALID_REQUEST, () -> CredentialsFile.read(file, "default"));

        assertFalse(refusal.getMessage().contains("hidden"), refusal.getMessage());
    }

    @Test
    void refusesWhatIsTooLargeOrNoText() throws IOException {
        Path large = write("#".repeat(CredentialsFile.SIZE_BYTES_MAX + 1));
        Path binary = Files.write(folder.resolve("binary"), new byte[] {'[', (byte) 0xff, ']'});

        assertFault(Fault.INVALID_REQUEST, () -> CredentialsFile.read(large, "default"));
        assertFault(Fault.INVALID_REQUEST, () -> CredentialsFile.read(binary, "default"));
    }

    private Path write(String text) throws IOException {
        return Files.writeString(folder.resolve("credentials"), text);
    }

    private static StoreException assertFault(Fault fault, Executable action) {
        StoreException refusal = assertThrows(StoreException.class, action);
        assertEquals(fault, refusal.fault(), refusal.getMessage());
        return refusal;
    }
}
