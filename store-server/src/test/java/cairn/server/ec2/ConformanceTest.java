package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.ec2.Shape.Plain;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.core.protocol.MarshallingType;

/** Holds every description against the AWS SDK's own: names on the wire, types, words of enums. */
class ConformanceTest {
    private static final String ITEM = "item";

    private static final Descriptions DESCRIPTIONS = Descriptions.read();

    static Stream<String> operations() {
        return DESCRIPTIONS.operations().stream().map(OperationDescription::name);
    }

    @ParameterizedTest
    @MethodSource("operations")
    void takesWhatTheSdkSends(String name) {
        OperationDescription operation = DESCRIPTIONS.find(name).orElseThrow();
        List<String> wrong = new ArrayList<>();

        compare(name, operation.parameters(), SdkStructure.request(name), wrong);

        assertEquals(List.of(), wrong);
    }

    @ParameterizedTest
    @MethodSource("operations")
    void answersWhatTheSdkReads(String name) {
        OperationDescription operation = DESCRIPTIONS.find(name).orElseThrow();
        List<String> wrong = new ArrayList<>();

        compare(name, operation.answer(), SdkStructure.answer(name), wrong);

        assertEquals(List.of(), wrong);
    }

    @ParameterizedTest
    @MethodSource("operations")
    void isDescribedInSentences(String name) {
        String about = DESCRIPTIONS.find(name).orElseThrow().about();

        assertTrue(about.matches("[A-Z].*\\."), about);
    }

    private static void compare(String where, Parameters parameters, SdkStructure sdk, List<String> wrong) {
        List<String> known = sdk.names();
        parameters.passed().keySet().stream()
                .filter(name -> !known.contains(name))
                .forEach(name -> wrong.add(where + '.' + name + " is not among " + known));
        parameters.exclusive().stream()
                .flatMap(List::stream)
                .filter(name -> parameters.find(name).isEmpty())
                .forEach(name -> wrong.add(where + '.' + name + " is exclusive and not taken"));
        for (Parameter parameter : parameters.taken()) {
            String path = where + '.' + parameter.name();
            sdk.find(parameter.name())
                    .ifPresentOrElse(
                            member -> compare(path, parameter, sdk, member, wrong),
                            () -> wrong.add(path + " is not among " + known));
        }
    }

    private static void compare(
            String path, Parameter parameter, SdkStructure sdk, SdkStructure.Member member, List<String> wrong) {
        if (parameter.isList() != member.isList()) {
            wrong.add(path + (member.isList() ? " is a list" : " is no list"));
        }
        if (!typesOf(parameter.type()).contains(member.type())) {
            wrong.add(path + " is a " + member.type());
            return;
        }
        if (parameter.type() instanceof ParameterType.Structure structure) {
            compare(path, structure.members(), sdk.below(member), wrong);
        }
        List<String> choices = sdk.choices(member);
        if (parameter.type() instanceof ParameterType.Choice choice && !choices.isEmpty()) {
            choice.values().stream()
                    .filter(each -> !choices.contains(each))
                    .forEach(each -> wrong.add(path + " cannot be " + each + ", only " + choices));
        }
    }

    private static Set<MarshallingType<?>> typesOf(ParameterType type) {
        if (type instanceof ParameterType.Whole) {
            return Set.of(MarshallingType.INTEGER, MarshallingType.LONG);
        }
        if (type instanceof ParameterType.Flag) {
            return Set.of(MarshallingType.BOOLEAN);
        }
        if (type instanceof ParameterType.Moment) {
            return Set.of(MarshallingType.INSTANT);
        }
        if (type instanceof ParameterType.Bytes) {
            return Set.of(MarshallingType.STRING, MarshallingType.SDK_BYTES);
        }
        if (type instanceof ParameterType.Structure) {
            return Set.of(MarshallingType.SDK_POJO);
        }
        return Set.of(MarshallingType.STRING);
    }

    private static void compare(String where, Shape shape, SdkStructure sdk, List<String> wrong) {
        List<String> known = sdk.names();
        for (Shape.Member ours : shape.members()) {
            String path = where + '.' + ours.name();
            sdk.find(ours.name())
                    .ifPresentOrElse(
                            member -> compare(path, ours, sdk, member, wrong),
                            () -> wrong.add(path + " is not among " + known));
        }
    }

    private static void compare(
            String path, Shape.Member ours, SdkStructure sdk, SdkStructure.Member member, List<String> wrong) {
        if (ours.isList() != member.isList()) {
            wrong.add(path + (member.isList() ? " is a list" : " is no list"));
        }
        if (member.isList() && !member.itemName().orElse(ITEM).equals(ITEM)) {
            wrong.add(path + " has items named " + member.itemName());
        }
        Set<MarshallingType<?>> types = ours.plain().map(ConformanceTest::typesOf).orElse(Set.of(MarshallingType.SDK_POJO));
        if (!types.contains(member.type())) {
            wrong.add(path + " is a " + member.type());
        } else if (ours.shape().isPresent()) {
            compare(path, ours.shape().get(), sdk.below(member), wrong);
        }
    }

    private static Set<MarshallingType<?>> typesOf(Plain plain) {
        return switch (plain) {
            case STRING -> Set.of(MarshallingType.STRING);
            case INTEGER -> Set.of(MarshallingType.INTEGER, MarshallingType.LONG);
            case BOOLEAN -> Set.of(MarshallingType.BOOLEAN);
            // An image's creation date is text in the model, and a time in that.
            case TIME -> Set.of(MarshallingType.INSTANT, MarshallingType.STRING);
        };
    }
}
