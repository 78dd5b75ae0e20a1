package cairn.image;

import static cairn.Golden.assertGolden;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.Digest;
import cairn.Fault;
import cairn.Golden;
import cairn.StoreException;
import cairn.image.ImageManifest.BlockDevice;
import cairn.tree.RootDigest;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageManifestTest {
    private static final StoreKey KEY = new StoreKey(Digest.of(new byte[] {42}).toBytes());

    @Test
    void hasTheBytesOfTheFirstVersion() {
        assertGolden("image-manifest", manifest("web 1.0", "nginx \"and\" \\ höher 🗻").encode());
        assertGolden("image-manifest-least", least().encode());
        assertEquals(new ImageId("ami-03d24a1f85a531558"), least().id());
    }

    @Test
    void anIdThatWasReservedStandsInTheManifestAndIsSigned() {
        ImageId reserved = new ImageId("ami-00000000000000abc");
        ImageManifest manifest = new ImageManifest(
                Optional.of(reserved),
                least().name(),
                "",
                least().owner(),
                least().architecture(),
                Optional.empty(),
                least().rootDevice(),
                least().blockDevices(),
                Optional.empty(),
                least().createdAt());

        assertEquals(reserved, manifest.id());
        assertGolden("image-manifest-reserved", manifest.encode());
        assertEquals(manifest, ImageManifest.decode(manifest.encode()));
        byte[] signed = KEY.sign(manifest).encode();
        assertEquals(reserved, SignedManifest.decode(signed).manifest().id());
        String other = new String(signed, StandardCharsets.ISO_8859_1).replace("00abc", "00abd");
        StoreException refused = assertThrows(
                StoreException.class, () -> SignedManifest.decode(other.getBytes(StandardCharsets.ISO_8859_1)));
        assertEquals(Fault.CORRUPT, refused.fault());
        String json = new String(manifest.encode(), StandardCharsets.UTF_8);
        for (String odd : List.of(
                json.replace("\"ami-00000000000000abc\"", "null"), json.replace("ami-00000000000000abc", "ami-abc"))) {
            assertThrows(StoreException.class, () -> ImageManifest.decode(odd.getBytes(StandardCharsets.UTF_8)), odd);
        }
    }

    @Test
    void signsAsTheFirstVersionDid() {
        SignedManifest signed = KEY.sign(least());

        assertGolden("signed-manifest", signed.encode());
        assertEquals(least(), SignedManifest.decode(Golden.bytes("signed-manifest")).manifest());
        assertArrayEquals(KEY.publicKey(), signed.publicKey());
    }

    @Test
    void readsWhatItWrote() {
        ImageManifest manifest = manifest("a/b (c) [d] e_f-g.h'i@j", "ü");

        assertEquals(manifest, ImageManifest.decode(manifest.encode()));
        assertEquals(manifest.id(), ImageManifest.decode(manifest.encode()).id());
        assertNotEquals(manifest.id(), least().id());
    }

    @Test
    void refusesEveryFlippedBit() {
        byte[] signed = KEY.sign(manifest("web 1.0", "nginx")).encode();

        for (int bit = 0; bit < 8 * signed.length; bit++) {
            byte[] damaged = signed.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);

            StoreException refused =
                    assertThrows(StoreException.class, () -> SignedManifest.decode(damaged), "bit " + bit);
            assertEquals(Fault.CORRUPT, refused.fault());
        }
        for (int length = 0; length < signed.length; length++) {
            byte[] cut = Arrays.copyOf(signed, length);
            assertThrows(StoreException.class, () -> SignedManifest.decode(cut));
        }
    }

    @Test
    void refusesOtherWaysOfWritingTheSame() {
        String json = new String(least().encode(), StandardCharsets.UTF_8);

        for (String other : List.of(
                json.replace(":", ": "),
                json + "\n",
                json + json,
                json.replace("base", "b\\u0061se"),
                json.replace("{\"architecture\"", "{\"extra\":1,\"architecture\""),
                json.replace("\"formatVersion\":1", "\"formatVersion\":2"),
                json.replace("\"formatVersion\":1", "\"formatVersion\":1.0"),
                json.replace(".000Z", "Z"),
                "null",
                "{}",
                "[]",
                "")) {
            StoreException refused = assertThrows(
                    StoreException.class,
                    () -> ImageManifest.decode(other.getBytes(StandardCharsets.UTF_8)),
                    other);
            assertEquals(Fault.CORRUPT, refused.fault(), other);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "ab", "a*b", "né", "a\nb", "0123456789012345678901234567890123456789012345678901234567890123456"
            + "78901234567890123456789012345678901234567890123456789012345678901"})
    void refusesOddNames(String name) {
        StoreException refused = assertThrows(StoreException.class, () -> new ImageName(name));

        assertEquals(Fault.INVALID_REQUEST, refused.fault());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "ami-", "ami-0123456789abcdef", "ami-0123456789ABCDEF0", "snap-0123456789abcdef0"})
    void refusesOddIds(String id) {
        assertThrows(StoreException.class, () -> new ImageId(id));
    }

    @Test
    void refusesDescriptionsThatJsonCouldWriteInTwoWays() {
        assertThrows(StoreException.class, () -> manifest("web", "line\nline"));
        assertThrows(StoreException.class, () -> manifest("web", "\ud800"));
        assertThrows(StoreException.class, () -> manifest("web", "x".repeat(256)));
    }

    private static ImageManifest manifest(String name, String description) {
        return new ImageManifest(
                new ImageName(name),
                description,
                new AccountId("000000000001"),
                Architecture.ARM64,
                Optional.of(BootMode.UEFI),
                "/dev/vda",
                List.of(disk("/dev/vda", 1, 4L << 30), disk("/dev/vdb", 2, 512)),
                Optional.of(new ImageId("ami-0123456789abcdef0")),
                Instant.parse("2026-11-23T10:44:09.120Z"));
    }

    private static ImageManifest least() {
        return new ImageManifest(
                new ImageName("base"),
                "",
                new AccountId("123456789012"),
                Architecture.X86_64,
                Optional.empty(),
                "/dev/vda",
                List.of(disk("/dev/vda", 3, 1 << 20)),
                Optional.empty(),
                Instant.parse("2026-11-23T10:44:09Z"));
    }

    private static BlockDevice disk(String device, int seed, long sizeBytes) {
        return new BlockDevice(
                device,
                new SnapshotId("snap-0000000000000000" + seed),
                new RootDigest(Digest.of(new byte[] {(byte) seed})),
                sizeBytes);
    }
}
