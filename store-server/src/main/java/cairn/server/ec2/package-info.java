/**
 * EC2's query API as a door: parameters come in, XML goes out. It keeps no data.
 *
 * <p>Start at the descriptions, {@code *.operations} in this package's resources; parsing, checking, writing answers
 * and docs/compatibility.md all follow from them:
 * <pre>
 *   # What begins with # is a comment.
 *   structure LaunchPermission
 *     UserId  string(12..12)
 *     Group   enum(all)
 *     refuse  OrganizationArn: there are no organisations
 *
 *   answer Image
 *     imageId       string
 *     creationDate  time
 *     tagSet        list Tag
 *
 *   operation DescribeImages
 *     about       Lists the images that the caller may see.
 *     differs     There are no product codes.
 *     ImageId     list(1000) id(image)
 *     pages(1..1000)
 *     filters     image-id name
 *                 tag:KEY tag-key
 *     exclusive   ImageId MaxResults
 *     -> imagesSet  list Image
 * </pre>
 * A block begins at the margin: {@code structure} (of parameters), {@code answer} (of members), {@code operation}. Its
 * lines are indented by two spaces, and go on where they are indented deeper. Order does not matter; names of
 * structures and of answers hold for all files. In an operation or a structure:
 * <ul>
 *   <li>{@code NAME [list(MAX)] TYPE [required]}: a parameter, as it is named on the wire, without the number of a
 *       list. Types are {@code string(MIN..MAX)} in characters, {@code integer(MIN..MAX)}, {@code boolean}, {@code
 *       time}, {@code blob(MAX)} in bytes, sent in Base64, {@code enum(A|B)}, {@code id(KIND)} of {@link
 *       cairn.server.ec2.ResourceKind}, or a structure's name;
 *   <li>{@code refuse NAME... [unless VALUE...]: REASON}: parameters that EC2 has and that are refused,
 *       {@code UnsupportedOperation}, but for values that ask for nothing;
 *   <li>{@code ignore NAME...: REASON}: parameters that are taken, whatever they hold, and change nothing;
 *   <li>{@code exclusive NAME...}: at most one of these, else {@code InvalidParameterCombination}.
 * </ul>
 * In an operation alone, where every one takes DryRun without a word:
 * <ul>
 *   <li>{@code about}: what it does, in one sentence;
 *   <li>{@code complete}, {@code differs HOW} or {@code refused WHY}: what there is of it. What is refused has nothing
 *       that answers it;
 *   <li>{@code filters NAME...}: takes Filter.N with these names; {@code tag:KEY} stands for all keys;
 *   <li>{@code pages(MIN..MAX)}: takes MaxResults and NextToken, and answers nextToken;
 *   <li>{@code tags(KIND|KIND)}: takes TagSpecification.N for resources of these kinds;
 *   <li>{@code -> NAME [list] TYPE}: a member of the answer. Types are {@code string}, {@code integer}, {@code
 *       boolean}, {@code time} or the name of an {@code answer}, whose lines look the same without the arrow. Without
 *       any the answer is {@code <return>true</return>}.
 * </ul>
 *
 * <p>{@link cairn.server.ec2.Ec2Door} brings a request to its {@link cairn.server.ec2.Operation}. Always true: what
 * reaches an operation is of the types that are described, and of what an operation refuses in
 * {@link cairn.server.ec2.Operation#prepare} nothing has been done.
 */
package cairn.server.ec2;
