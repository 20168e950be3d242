module freshet/deploy/check/image

go 1.26.8
