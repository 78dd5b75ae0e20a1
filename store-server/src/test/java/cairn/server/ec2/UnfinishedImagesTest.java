package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.Region;
import cairn.image.StoreKey;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Caller;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.account.SignedTokens;
import cairn.server.image.AllSnapshots;
import cairn.server.image.ImageCopies;
import cairn.server.image.ImageInProgress;
import cairn.server.image.ImageRegistry;
import cairn.server.image.ImageSettings;
import cairn.server.image.PendingImages;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.TaggedImages;
import cairn.server.storage.DomainId;
import cairn.server.storage.MemoryStorage;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that are not there: still being made, or failed. */
class UnfinishedImagesTest {
    private static final String ID = "ami-0123456789abcdef0";
    private static final Caller US =
            new Caller(new AccountId("000000000001"), new DomainId(2), false, Optional.of(Region.LOCAL));
    private static final Caller THEM =
            new Caller(new AccountId("000000000002"), new DomainId(3), false, Optional.of(Region.LOCAL));

    private final MemoryStorage storage = new MemoryStorage();
    private final Unfinished unfinished = new Unfinished();
    private final Descriptions descriptions = Descriptions.read();
    private final Operations operations = new Operations(descriptions);

    /** Keeps them in a list. */
    private static final class Unfinished implements PendingImages {
        final List<ImageInProgress> images = new ArrayList<>();

        @Override
        public Optional<ImageInProgress> find(Caller caller, ImageId id) {
            return listImages(caller).stream().filter(each -> each.id().equals(id)).findFirst();
        }

        @Override
        public List<ImageInProgress> listImages(Caller caller) {
            return images.stream().filter(each -> Access.may(caller, Right.SEE, each)).toList();
        }

        @Override
        public boolean tag(Caller caller, ImageId id, UnaryOperator<Map<String, String>> change) {
            Optional<ImageInProgress> found = find(caller, id);
            found.ifPresent(each -> images.set(images.indexOf(each), image(change.apply(each.tags()), each.failure())));
            return found.isPresent();
        }

        @Override
        public boolean forget(Caller caller, ImageId id) {
            return images.removeIf(each -> each.id().equals(id));
        }
    }

    UnfinishedImagesTest() {
        Clock clock = Clock.systemUTC();
        SnapshotRegistry completed = new SnapshotRegistry(storage.catalog());
        ImageRegistry images =
                new ImageRegistry(storage.catalog(), completed, new StoreKey(new byte[32]), clock);
        new ImageOperations(
                        images,
                        unfinished,
                        new ImageCopies(storage.catalog(), images, completed),
                        completed,
                        new AllSnapshots(completed, List.of()),
                        new Encryption(new AccountSettingsRegistry(storage.catalog()), false),
                        new ClientTokens(storage.catalog(), clock),
                        clock)
                .addTo(operations);
        new ImageAttributeOperations(images, unfinished).addTo(operations);
        new TagOperations(
                        storage.catalog(),
                        List.of(new TaggedImages(images.tagged(), unfinished)),
                        new Pages(new SignedTokens(new byte[32], clock), clock))
                .addTo(operations);
    }

    @AfterEach
    void close() {
        storage.close();
    }

    private void begin(Optional<String> failure) {
        unfinished.images.add(image(Map.of("team", "ci"), failure));
    }

    private static ImageInProgress image(Map<String, String> tags, Optional<String> failure) {
        return new ImageInProgress(
                new ImageId(ID), US.account(), US.region(), new ImageName("web"), "", Architecture.X86_64,
                Optional.empty(), "/dev/sda1", List.of(), Optional.empty(), Clock.systemUTC().instant(),
                ImageSettings.NEW, tags, failure);
    }

    private Answer deregister(Caller caller) {
        return ask(caller, "DeregisterImage", Map.of("ImageId", ID));
    }

    private Answer ask(Caller caller, String operation, Map<String, String> parameters) {
        Arguments arguments = new ArgumentReader(descriptions.find(operation).orElseThrow())
                .read(ParameterTree.of(new TreeMap<>(parameters)));
        return operations.answer(new Ec2Request(operation, caller, "request", "host", arguments, ""));
    }

    private List<Object> tags(Caller caller) {
        return ((List<?>) ask(caller, "DescribeTags", Map.of()).members().get("tagSet")).stream()
                .map(each -> ((Answer) each).members())
                .<Object>map(each -> each.get("resourceId") + " " + each.get("key") + '=' + each.get("value"))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void itsTagsAreItsOwnersToSetAndToSee(boolean hasFailed) {
        begin(hasFailed ? Optional.of("the disk was full") : Optional.empty());

        ask(US, "CreateTags", Map.of("ResourceId.1", ID, "Tag.1.Key", "env", "Tag.1.Value", "prod"));
        assertEquals(List.of(ID + " env=prod", ID + " team=ci"), tags(US));
        ask(US, "DeleteTags", Map.of("ResourceId.1", ID, "Tag.1.Key", "team"));

        assertEquals(List.of(ID + " env=prod"), tags(US));
        assertEquals(List.of(), tags(THEM));
        assertThrows(Ec2Failure.class, () -> ask(THEM, "DeleteTags", Map.of("ResourceId.1", ID)));
        assertEquals(Map.of("env", "prod"), unfinished.images.get(0).tags());
    }

    @ParameterizedTest
    @ValueSource(strings = {"ModifyImageAttribute", "ResetImageAttribute", "DescribeImageAttribute", "CopyImage"})
    void nothingElseCanBeDoneWithIt(String operation) {
        Map<String, String> asked = switch (operation) {
            case "CopyImage" -> Map.of("SourceImageId", ID, "SourceRegion", "local", "Name", "copy");
            case "ModifyImageAttribute" -> Map.of("ImageId", ID, "Description.Value", "new");
            default -> Map.of("ImageId", ID, "Attribute", "launchPermission");
        };
        for (Optional<String> failure : List.of(Optional.<String>empty(), Optional.of("the disk was full"))) {
            unfinished.images.clear();
            begin(failure);
            Ec2Failure refused = assertThrows(Ec2Failure.class, () -> ask(US, operation, asked));
            assertEquals("InvalidAMIID.Unavailable", refused.code());
            RuntimeException theirs = assertThrows(StoreException.class, () -> ask(THEM, operation, asked));
            assertEquals(Fault.NOT_FOUND, Fault.of(theirs));
        }
    }

    @Test
    void oneThatIsBeingMadeIsNotGivenUp() {
        begin(Optional.empty());

        Ec2Failure refused = assertThrows(Ec2Failure.class, () -> deregister(US));

        assertEquals("InvalidAMIID.Unavailable", refused.code());
        assertEquals(1, unfinished.images.size());
    }

    @Test
    void oneThatFailedIsForgottenByItsOwnerAlone() {
        begin(Optional.of("the disk was full"));

        assertThrows(RuntimeException.class, () -> deregister(THEM));
        assertEquals(1, unfinished.images.size());
        assertEquals(Map.of("return", true), deregister(US).members());
        assertEquals(List.of(), unfinished.images);
    }
}
