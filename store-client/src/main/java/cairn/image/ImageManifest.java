package cairn.image;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.Text;
import cairn.tree.RootDigest;
import cairn.tree.Tree;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What may never change about an image. Its canonical bytes are UTF-8 JSON without spaces, members in the order of
 * their names, optional members left out where they are empty, text without control characters, {@code "} and {@code \}
 * escaped by {@code \} and nothing else escaped; every field is described in docs/formats.md.
 *
 * @param reservedId the image's id where that was drawn before its content was known, and the signature alone proves
 *     it; empty: the id follows from the manifest
 * @param bootMode empty: the launcher decides
 * @param parent the image that this one was derived from
 * @param createdAt to the millisecond
 */
public record ImageManifest(
        Optional<ImageId> reservedId,
        ImageName name,
        String description,
        AccountId owner,
        Architecture architecture,
        Optional<BootMode> bootMode,
        String rootDevice,
        List<BlockDevice> blockDevices,
        Optional<ImageId> parent,
        Instant createdAt) {
    public static final int FORMAT_VERSION = 1;
    public static final int DESCRIPTION_CHARS_MAX = 255;
    public static final int BLOCK_DEVICES_MAX = 64;
    public static final int ENCODED_BYTES_MAX = 64 * 1024;

    private static final Pattern DEVICE = Pattern.compile("[A-Za-z0-9/_.-]{1,64}");
    private static final DateTimeFormatter MILLIS = new DateTimeFormatterBuilder().appendInstant(3).toFormatter();
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    /** A disk of the machine, and what is on it when it first boots. */
    public record BlockDevice(String device, SnapshotId snapshot, RootDigest root, long sizeBytes) {
        public BlockDevice {
            requireDevice(device);
            Tree.requireDiskSize(sizeBytes);
        }
    }

    /** @throws StoreException INVALID_REQUEST for a field that breaks its limit */
    public ImageManifest {
        requireDescription(description);
        requireDevice(rootDevice);
        blockDevices = List.copyOf(blockDevices);
        if (blockDevices.isEmpty() || blockDevices.size() > BLOCK_DEVICES_MAX) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "an image has 1 to " + BLOCK_DEVICES_MAX + " block devices, not " + blockDevices.size());
        }
        long devices = blockDevices.stream().map(BlockDevice::device).distinct().count();
        if (devices != blockDevices.size()) {
            throw new StoreException(INVALID_REQUEST, "an image's block devices have distinct names");
        }
        String root = rootDevice;
        if (blockDevices.stream().noneMatch(each -> each.device().equals(root))) {
            throw new StoreException(INVALID_REQUEST, "the root device " + root + " is none of the block devices");
        }
        if (createdAt.getNano() % 1_000_000 != 0) {
            throw new StoreException(INVALID_REQUEST, "an image's time of creation has milliseconds: " + createdAt);
        }
    }

    /** Of an image whose id follows from the manifest. */
    public ImageManifest(
            ImageName name,
            String description,
            AccountId owner,
            Architecture architecture,
            Optional<BootMode> bootMode,
            String rootDevice,
            List<BlockDevice> blockDevices,
            Optional<ImageId> parent,
            Instant createdAt) {
        this(
                Optional.empty(), name, description, owner, architecture, bootMode, rootDevice, blockDevices, parent,
                createdAt);
    }

    /** The one that was reserved, or the one that follows from the canonical bytes. */
    public ImageId id() {
        return reservedId.orElseGet(() -> ImageId.of(encode()));
    }

    /** The disk that the machine boots from. */
    public BlockDevice root() {
        return blockDevices.stream()
                .filter(each -> each.device().equals(rootDevice))
                .findFirst()
                .orElseThrow();
    }

    /** The canonical bytes. */
    public byte[] encode() {
        try {
            // By way of text: written as bytes, Jackson escapes what lies outside the basic plane.
            return JSON.writeValueAsString(Fields.of(this)).getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a manifest can always be written", e);
        }
    }

    /** @throws StoreException CORRUPT for anything but the canonical bytes of a manifest */
    public static ImageManifest decode(byte[] bytes) {
        if (bytes.length > ENCODED_BYTES_MAX) {
            throw new StoreException(CORRUPT, "a manifest of " + bytes.length + " bytes");
        }
        ImageManifest manifest;
        try {
            manifest = JSON.readValue(bytes, Fields.class).toManifest();
        } catch (IOException | RuntimeException e) {
            throw new StoreException(CORRUPT, "an image manifest does not parse: " + e.getMessage(), e);
        }
        if (!Arrays.equals(bytes, manifest.encode())) {
            throw new StoreException(CORRUPT, "an image manifest is not in canonical form");
        }
        return manifest;
    }

    private static void requireDevice(String device) {
        if (!DEVICE.matcher(device).matches()) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a device name has 1 to 64 letters, digits and /_.-: \"" + Text.shown(device) + '"');
        }
    }

    /** @throws StoreException INVALID_REQUEST if it is too long, or no text that JSON writes in one way only */
    static void requireDescription(String text) {
        if (text.length() > DESCRIPTION_CHARS_MAX || text.chars().anyMatch(Character::isISOControl)) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a description has at most " + DESCRIPTION_CHARS_MAX + " characters and no control characters: \""
                            + Text.shown(text) + '"');
        }
        for (int i = 0; i < text.length(); i++) {
            boolean isPaired = Character.isHighSurrogate(text.charAt(i))
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1));
            if (isPaired) {
                i++;
            } else if (Character.isSurrogate(text.charAt(i))) {
                throw new StoreException(INVALID_REQUEST, "a description is Unicode text, without lone surrogates");
            }
        }
    }

    /** The manifest as JSON has it: plain values, empty ones null and left out. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    private record Fields(
            @JsonProperty("architecture") Architecture architecture,
            @JsonProperty("blockDevices") List<DeviceFields> blockDevices,
            @JsonProperty("bootMode") BootMode bootMode,
            @JsonProperty("createdAt") String createdAt,
            @JsonProperty("description") String description,
            @JsonProperty("formatVersion") int formatVersion,
            @JsonProperty("id") String id,
            @JsonProperty("name") String name,
            @JsonProperty("owner") String owner,
            @JsonProperty("parent") String parent,
            @JsonProperty("rootDevice") String rootDevice) {

        static Fields of(ImageManifest manifest) {
            return new Fields(
                    manifest.architecture,
                    manifest.blockDevices.stream().map(DeviceFields::of).toList(),
                    manifest.bootMode.orElse(null),
                    MILLIS.format(manifest.createdAt),
                    manifest.description.isEmpty() ? null : manifest.description,
                    FORMAT_VERSION,
                    manifest.reservedId.map(ImageId::value).orElse(null),
                    manifest.name.value(),
                    manifest.owner.value(),
                    manifest.parent.map(ImageId::value).orElse(null),
                    manifest.rootDevice);
        }

        ImageManifest toManifest() {
            if (formatVersion != FORMAT_VERSION) {
                throw new StoreException(CORRUPT, "a manifest of version " + formatVersion + ", expected "
                        + FORMAT_VERSION);
            }
            return new ImageManifest(
                    Optional.ofNullable(id).map(ImageId::new),
                    new ImageName(name),
                    description == null ? "" : description,
                    new AccountId(owner),
                    architecture,
                    Optional.ofNullable(bootMode),
                    rootDevice,
                    blockDevices.stream().map(DeviceFields::toDevice).toList(),
                    Optional.ofNullable(parent).map(ImageId::new),
                    Instant.parse(createdAt));
        }
    }

    private record DeviceFields(
            @JsonProperty("device") String device,
            @JsonProperty("root") String root,
            @JsonProperty("sizeBytes") long sizeBytes,
            @JsonProperty("snapshot") String snapshot) {

        static DeviceFields of(BlockDevice device) {
            return new DeviceFields(
                    device.device, device.root.toString(), device.sizeBytes, device.snapshot.value());
        }

        BlockDevice toDevice() {
            return new BlockDevice(device, new SnapshotId(snapshot), RootDigest.parse(root), sizeBytes);
        }
    }
}
