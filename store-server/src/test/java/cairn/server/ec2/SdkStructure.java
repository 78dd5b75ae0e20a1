package cairn.server.ec2;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.core.protocol.MarshallingType;
import software.amazon.awssdk.core.traits.ListTrait;

/**
 * A request, an answer or a structure in one of them, as the AWS SDK for Java knows it.
 *
 * @param example an empty one, or what builds it
 * @param wireName how a member is named on the wire: otherwise in requests than in answers
 */
record SdkStructure(SdkPojo example, Function<SdkField<?>, String> wireName) {
    private static final String MODEL = "software.amazon.awssdk.services.ec2.model.";

    /** A member. @param type of an item, where it is a list */
    record Member(String name, boolean isList, Optional<String> itemName, MarshallingType<?> type, SdkField<?> field) {}

    static SdkStructure request(String operation) {
        return new SdkStructure(built(operation + "Request"), SdkField::locationName);
    }

    static SdkStructure answer(String operation) {
        return new SdkStructure(built(operation + "Response"), SdkField::unmarshallLocationName);
    }

    private static SdkPojo built(String name) {
        try {
            return (SdkPojo) Class.forName(MODEL + name).getMethod("builder").invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError("the SDK has no " + name, e);
        }
    }

    List<Member> members() {
        return example.sdkFields().stream().map(this::member).toList();
    }

    private Member member(SdkField<?> field) {
        boolean isList = field.marshallingType() == MarshallingType.LIST;
        SdkField<?> item = isList ? field.getTrait(ListTrait.class).memberFieldInfo() : field;
        return new Member(
                wireName.apply(field),
                isList,
                Optional.ofNullable(isList ? field.getTrait(ListTrait.class).memberLocationName() : null),
                item.marshallingType(),
                field);
    }

    Optional<Member> find(String name) {
        return members().stream().filter(each -> each.name().equals(name)).findFirst();
    }

    List<String> names() {
        return members().stream().map(Member::name).toList();
    }

    /** A structure that is a member, or an item of one. */
    SdkStructure below(Member member) {
        SdkField<?> item =
                member.isList() ? member.field().getTrait(ListTrait.class).memberFieldInfo() : member.field();
        return new SdkStructure(item.constructor().get(), wireName);
    }

    /** The words that a member may be; empty where the SDK takes any. */
    List<String> choices(Member member) {
        String name = member.field().memberName();
        Type type;
        try {
            type = example.getClass()
                    .getEnclosingClass()
                    .getMethod(Character.toLowerCase(name.charAt(0)) + name.substring(1))
                    .getGenericReturnType();
        } catch (NoSuchMethodException e) {
            throw new AssertionError(e);
        }
        Type item = type instanceof ParameterizedType list ? list.getActualTypeArguments()[0] : type;
        return item instanceof Class<?> choice && choice.isEnum()
                ? Stream.of(choice.getEnumConstants()).map(Object::toString).toList()
                : List.of();
    }
}
