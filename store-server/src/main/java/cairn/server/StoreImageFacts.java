package cairn.server;

import cairn.server.image.ImageRegistry;
import cairn.server.image.RegisteredImage;
import cairn.server.scrub.ImageFacts;
import java.util.Arrays;
import java.util.function.Consumer;

/** What the registry's images say, those that this store has signed. */
record StoreImageFacts(ImageRegistry images) implements ImageFacts {

    @Override
    public void forEach(Consumer<Image> visitor, Consumer<String> problems) {
        images.forEach(
                image -> {
                    if (!Arrays.equals(image.signed().publicKey(), images.publicKey())) {
                        problems.accept("image " + image.id() + " is signed by another store's key");
                    }
                    visitor.accept(facts(image));
                },
                (id, e) -> problems.accept("image " + id + ": " + e.getMessage()));
    }

    private static Image facts(RegisteredImage image) {
        return new Image(
                image.id().value(),
                image.manifest().name().value(),
                image.owner().value(),
                image.manifest().blockDevices().stream()
                        .map(device -> new Disk(device.snapshot().value(), device.root(), device.sizeBytes()))
                        .toList());
    }
}
