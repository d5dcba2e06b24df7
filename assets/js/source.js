// The live source among a document's models, by name or tag.

const SOURCE_NAME = "breathwatch-live";

export function findModel(doc, name = SOURCE_NAME) {
  const is = (model) => model?.name === name || model?.tags?.includes?.(name);
  return doc.all_roots?.find(is) ?? [...(doc._all_models?.values() ?? [])].find(is) ?? null;
}
