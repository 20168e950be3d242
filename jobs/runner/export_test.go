package runner

// FolderName is the name of an attempt's workspace.
var FolderName = folderName
